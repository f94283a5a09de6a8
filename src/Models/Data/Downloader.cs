using System.Net;
using System.Security.Cryptography;
using Granary.Training.Tasks;

namespace Granary.Models.Data;

/// <summary>How far a file has come, now and then.</summary>
public readonly record struct DownloadProgress(string File, long Received, long Length);

/// <summary>A file could not be fetched, or is not what was expected. The message says what to do.</summary>
public sealed class DownloadException(string message, Exception? inner = null) : TrainingDataException(message, inner);

/// <summary>
/// Fetches public data. What has arrived lies in <c>NAME.part</c>, from where the next attempt or the next call goes on; a
/// file gets its name only after its SHA-256 has been found right.
/// </summary>
public sealed class Downloader(HttpClient http)
{
    private const int Attempts = 4;

    /// <summary>How long a connection may be silent before it counts as lost. Default: 30 seconds.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Fetches the files that the folder does not hold yet.</summary>
    /// <param name="mirror">Where to fetch from instead of the data set's own source; ends with a slash.</param>
    /// <exception cref="DownloadException"/>
    public async Task GetAsync(PublicData data, string folder, Uri? mirror = null, IProgress<DownloadProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        Directory.CreateDirectory(folder);
        foreach (var file in data.Files)
        {
            var path = Path.Combine(folder, file.Name);
            if (!File.Exists(path) || await HashAsync(path, cancellationToken) != file.Sha256)
            {
                await GetAsync(file, new(mirror ?? data.Source, file.Name), path, progress, cancellationToken);
            }
            progress?.Report(new(file.Name, file.Length, file.Length));
        }
    }

    private async Task GetAsync(PublicFile file, Uri address, string path, IProgress<DownloadProgress>? progress, CancellationToken cancellationToken)
    {
        var part = path + ".part";
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await AppendAsync(file, address, part, progress, cancellationToken);
                break;
            }
            catch (Exception error) when (IsLostConnection(error) && !cancellationToken.IsCancellationRequested)
            {
                if (attempt == Attempts)
                {
                    throw new DownloadException(
                        $"{address} cannot be fetched: {error.Message} What has arrived is kept; the same command goes on from there. " +
                        $"On a machine without internet, fetch the address elsewhere and save it as '{path}', or name a mirror.", error);
                }
            }
        }
        var hash = await HashAsync(part, cancellationToken);
        if (hash != file.Sha256)
        {
            var length = new FileInfo(part).Length;
            File.Delete(part);
            throw new DownloadException($"{address} gave {length} bytes with SHA-256 {hash}, not the expected {file.Sha256} of {file.Length} bytes. They are deleted; try again, or name a mirror.");
        }
        File.Move(part, path, overwrite: true);
    }

    /// <summary>Adds what is missing to the part; a server that cannot go on where it ended sends all of it once more.</summary>
    private async Task AppendAsync(PublicFile file, Uri address, string part, IProgress<DownloadProgress>? progress, CancellationToken cancellationToken)
    {
        await using var target = new FileStream(part, FileMode.OpenOrCreate, FileAccess.Write);
        target.Position = target.Length;
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        if (target.Length > 0)
        {
            request.Headers.Range = new(target.Length, null);
        }
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        silence.CancelAfter(Patience);
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, silence.Token);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            return; // nothing is missing, or the part is no beginning of the file: the checksum tells
        }
        if (!response.IsSuccessStatusCode)
        {
            throw new DownloadException($"{address} answers {(int)response.StatusCode} ({response.ReasonPhrase}). Has it moved? Name a mirror that has {file.Name}.");
        }
        if (response.StatusCode != HttpStatusCode.PartialContent || response.Content.Headers.ContentRange?.From != target.Position)
        {
            target.SetLength(0);
        }
        await using var source = await response.Content.ReadAsStreamAsync(silence.Token);
        var buffer = new byte[1 << 16];
        for (int read; (read = await source.ReadAsync(buffer, silence.Token)) > 0;)
        {
            await target.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            progress?.Report(new(file.Name, target.Position, file.Length));
            silence.CancelAfter(Patience);
        }
        target.Flush(flushToDisk: true);
    }

    /// <summary>Not reached, cut off, or silent for too long.</summary>
    private static bool IsLostConnection(Exception error) => error is HttpRequestException or IOException or OperationCanceledException;

    private static async Task<string> HashAsync(string path, CancellationToken cancellationToken)
    {
        await using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellationToken));
    }
}
