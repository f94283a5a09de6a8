using System.Security.Cryptography;
using Granary.Training.Wording;
using Microsoft.Extensions.Logging;

namespace Granary.Silo.Security;

/// <summary>
/// What some files say together, read again when their content has changed. They are looked at every few seconds: Kubernetes replaces a secret by
/// turning a link, of which a watcher of the file hears nothing. While they cannot be understood, what they said before holds.
/// </summary>
internal sealed partial class FollowedFiles<T> : IDisposable where T : class
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);
    private readonly IReadOnlyList<string> paths;
    private readonly Func<IReadOnlyList<byte[]>, T> understand;
    private readonly Action<T> changed;
    private readonly ILogger logger;
    private readonly Lock looking = new();
    private readonly ITimer timer;
    private byte[][] seen;
    private string? trouble;
    private volatile T current;

    /// <param name="understand">May throw a <see cref="UserErrorException"/> or <see cref="CryptographicException"/>.</param>
    /// <param name="changed">Is told what they say now; on any thread.</param>
    /// <exception cref="UserErrorException">They cannot be read or understood at the start.</exception>
    public FollowedFiles(IReadOnlyList<string> paths, Func<IReadOnlyList<byte[]>, T> understand, Action<T> changed, TimeProvider time, ILogger logger)
    {
        (this.paths, this.understand, this.changed, this.logger) = (paths, understand, changed, logger);
        try
        {
            seen = Read();
            current = understand(seen);
        }
        catch (Exception error) when (IsTrouble(error))
        {
            throw new UserErrorException($"{string.Join(", ", paths)} cannot be used: {error.Message}", error);
        }
        timer = time.CreateTimer(_ => Look(), null, Interval, Interval);
    }

    public T Current => current;

    public void Dispose() => timer.Dispose();

    private void Look()
    {
        if (!looking.TryEnter())
        {
            return;
        }
        try
        {
            var content = Read();
            if (content.Zip(seen).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second)))
            {
                return;
            }
            current = understand(content);
            (seen, trouble) = (content, null);
            LogRead(string.Join(", ", paths));
            changed(current);
        }
        catch (Exception error) when (IsTrouble(error))
        {
            if (trouble != error.Message)
            {
                LogTrouble(string.Join(", ", paths), trouble = error.Message);
            }
        }
        finally
        {
            looking.Exit();
        }
    }

    private byte[][] Read() => [.. paths.Select(File.ReadAllBytes)];

    private static bool IsTrouble(Exception error) => error is IOException or UnauthorizedAccessException or UserErrorException or CryptographicException or ArgumentException;

    [LoggerMessage(LogLevel.Information, "Read again, as the content has changed: {Paths}")]
    private partial void LogRead(string paths);

    [LoggerMessage(LogLevel.Warning, "What {Paths} said before holds, as they cannot be used now: {Reason}")]
    private partial void LogTrouble(string paths, string reason);
}
