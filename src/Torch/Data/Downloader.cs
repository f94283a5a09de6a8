using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography;
using Granary.Training.Files;
using Granary.Training.Tasks;

namespace Granary.Torch.Data;

/// <summary>How far a file has come, now and then.</summary>
public readonly record struct DownloadProgress(string File, long Received, long Length);

/// <summary>A file could not be fetched, or is not what was expected. The message says what to do.</summary>
public sealed class DownloadException(string message, Exception? inner = null) : TrainingDataException(message, inner);

/// <summary>
/// Fetches public data. What has arrived lies in <c>NAME.part</c>, from where the next attempt or the next call goes on; a
/// file gets its name only after its SHA-256 has been found right and, if it is an archive, it has been unpacked.
/// </summary>
public sealed class Downloader(HttpClient http)
{
    /// <summary>Attempts in a row that bring nothing before the file is given up.</summary>
    private const int Attempts = 6;
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1), LongestPause = TimeSpan.FromSeconds(30);

    /// <summary>How long a connection may be silent before it counts as lost. Default: 30 seconds.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The longest that a server may ask to be left alone; one that asks for more is given up. Default: 10 minutes.</summary>
    public TimeSpan LongestRest { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Told in a sentence why a file is not coming, and when it is asked for again. Default: nobody is.</summary>
    public Action<string> Waits { get; init; } = _ => { };

    /// <summary>For the pauses between attempts.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Fetches the files that the folder does not hold yet.</summary>
    /// <param name="mirror">Where to fetch from instead of the data set's own source; ends with a slash.</param>
    /// <exception cref="DownloadException"/>
    public async Task GetAsync(PublicData data, string folder, Uri? mirror = null, IProgress<DownloadProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        Directory.CreateDirectory(folder);
        foreach (var file in data.Files)
        {
            var path = Path.Combine(folder, Path.GetFileName(file.Name));
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
            var before = Length(part);
            try
            {
                await AppendAsync(file, address, part, progress, cancellationToken);
                break;
            }
            catch (Exception error) when (MayPass(error) && !cancellationToken.IsCancellationRequested)
            {
                attempt = Length(part) > before ? 1 : attempt;
                var asked = (error as ServerBusyException)?.RetryAfter ?? TimeSpan.Zero;
                if (attempt == Attempts || asked > LongestRest)
                {
                    throw new DownloadException(
                        $"{address} cannot be fetched: {Sentence(error)} What has arrived is kept; the same command goes on from there. " +
                        $"On a machine without internet, fetch the address elsewhere, save it as '{(file.Within is null ? path : part)}' and run the same command, or name a mirror.", error);
                }
                var pause = FirstPause * Math.Pow(2, attempt - 1);
                pause = pause > LongestPause ? LongestPause : pause;
                pause = asked > pause ? asked : pause;
                Waits($"{address}: {Sentence(error)} Asked again in {pause.TotalSeconds:0} s.");
                await Task.Delay(pause, Time, cancellationToken);
            }
        }
        var hash = await HashAsync(part, cancellationToken);
        if (hash != file.Sha256)
        {
            var length = new FileInfo(part).Length;
            File.Delete(part);
            throw new DownloadException($"{address} gave {length} bytes with SHA-256 {hash}, not the expected {file.Sha256} of {file.Length} bytes. They are deleted; try again, or name a mirror.");
        }
        if (file.Within is { } within)
        {
            Unpack(file, part, within, Path.GetDirectoryName(path)!);
        }
        // Last: an archive that has its name has been unpacked.
        File.Move(part, path, overwrite: true);
    }

    private static void Unpack(PublicFile file, string part, string within, string folder)
    {
        try
        {
            Archive.Unpack(part, file.Name, within, Path.GetFullPath(folder));
        }
        catch (Exception error) when (error is InvalidDataException || error.IsStorageFault())
        {
            throw new DownloadException($"{file.Name} cannot be unpacked into '{folder}': {error.Message} What has arrived is kept; the same command tries again.", error);
        }
    }

    /// <summary>Adds what is missing to the part; a server that cannot go on where the part ends sends the whole file again.</summary>
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
        if (response.StatusCode is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError)
        {
            throw new ServerBusyException($"The server answers {(int)response.StatusCode} ({response.ReasonPhrase}).", RestAskedBy(response.Headers.RetryAfter));
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

    private TimeSpan RestAskedBy(RetryConditionHeaderValue? header) => header?.Delta ?? (header?.Date is { } date ? date - Time.GetUtcNow() : TimeSpan.Zero);

    /// <summary>Not reached, cut off, silent for too long, or too busy.</summary>
    private static bool MayPass(Exception error) =>
        error is HttpRequestException or HttpIOException or IOException { InnerException: SocketException } or OperationCanceledException or ServerBusyException;

    private static long Length(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;

    private string Sentence(Exception error) => error is OperationCanceledException ? $"The server was silent for {Patience.TotalSeconds:0} s." : $"{error.Message.TrimEnd('.')}.";

    private static async Task<string> HashAsync(string path, CancellationToken cancellationToken)
    {
        await using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellationToken));
    }

    private sealed class ServerBusyException(string message, TimeSpan retryAfter) : Exception(message)
    {
        public TimeSpan RetryAfter { get; } = retryAfter;
    }
}
