using System.Globalization;
using Aspire.Hosting.ApplicationModel;

namespace Granary.AspireHosting;

/// <summary>The file by which silos know the token. It holds the token's hash, as <c>granary token create</c> writes it, and only its owner can read it.</summary>
internal sealed class TokensFile(GranaryResource cluster)
{
    private readonly SemaphoreSlim turn = new(1);
    private string? written;

    /// <returns>Its path.</returns>
    public async Task<string> WriteAsync(IAspireStore store, CancellationToken cancellationToken)
    {
        var token = await cluster.Token.GetValueAsync(cancellationToken) ?? throw new InvalidOperationException($"The parameter {cluster.Token.Name} has no value: the silos of {cluster.Name} need a token.");
        Directory.CreateDirectory(store.BasePath);
        var path = Path.Combine(store.BasePath, $"{cluster.Name}-tokens");
        await turn.WaitAsync(cancellationToken);
        try
        {
            if (written == token)
            {
                // Other silos may be reading it.
                return path;
            }
            // Of a file that is there, only the content would change, not who can read it.
            File.Delete(path);
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }
            await using var file = new StreamWriter(path, options);
            await file.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"aspire operator {Fingerprint.Sha256(token)} {DateTime.UtcNow:yyyy-MM-ddTHH:mm:ssZ}"));
            written = token;
            return path;
        }
        finally
        {
            turn.Release();
        }
    }
}
