using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Granary.Tests.Fakes;
using Granary.Torch.Data;

namespace Granary.Models.Tests.Data;

public sealed class DownloaderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly HttpClient http = new();
    private readonly HurriedTime time = new();
    private readonly byte[] body = [.. Enumerable.Range(0, 200_000).Select(value => (byte)(value * 7 + value / 251))];

    private string Target => Path.Combine(folder.Path, "numbers.bin");

    private string Part => Target + ".part";

    public void Dispose()
    {
        http.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task File_ThatIsMissing_IsFetchedOnce()
    {
        using var server = new FileServer(body);
        var progress = new Steps();
        await GetAsync(server, progress);
        await GetAsync(server);
        Assert.Equal(body, await File.ReadAllBytesAsync(Target));
        Assert.Equal([""], server.Ranges);
        Assert.Equal(body.Length, progress.Reports[^1].Received);
        Assert.False(File.Exists(Part));
    }

    [Fact]
    public async Task Part_OfAnEarlierAttempt_IsContinued()
    {
        using var server = new FileServer(body);
        folder.Write("numbers.bin.part", body[..1000]);
        await GetAsync(server);
        Assert.Equal(["bytes=1000-"], server.Ranges);
        Assert.Equal(body, await File.ReadAllBytesAsync(Target));
    }

    [Fact]
    public async Task Part_ThatIsComplete_GetsItsName()
    {
        using var server = new FileServer(body);
        folder.Write("numbers.bin.part", body);
        await GetAsync(server);
        Assert.Equal(body, await File.ReadAllBytesAsync(Target));
    }

    [Fact]
    public async Task Server_ThatIgnoresRanges_SendsAllOnceMore()
    {
        using var server = new FileServer(body) { KnowsRanges = false };
        folder.Write("numbers.bin.part", body[..1000]);
        await GetAsync(server);
        Assert.Equal(body, await File.ReadAllBytesAsync(Target));
    }

    [Fact]
    public async Task Connection_CutHalfWay_GoesOnFromThere()
    {
        using var server = new FileServer(body) { Cuts = 2 };
        await GetAsync(server);
        Assert.Equal(["", "bytes=100000-", "bytes=150000-"], server.Ranges);
        Assert.Equal(body, await File.ReadAllBytesAsync(Target));
    }

    [Fact]
    public async Task Connection_CutAgainAndAgain_KeepsWhatHasArrived()
    {
        using var server = new FileServer(body) { Cuts = int.MaxValue };
        var error = await Assert.ThrowsAsync<DownloadException>(() => GetAsync(server));
        Assert.Contains("goes on from there", error.Message, StringComparison.Ordinal);
        Assert.Equal(199_999, new FileInfo(Part).Length);
        Assert.False(File.Exists(Target));
    }

    [Fact]
    public async Task Server_ThatFallsSilent_IsLeft()
    {
        using var server = new FileServer(body) { Silences = 1 };
        await GetAsync(server, patience: TimeSpan.FromMilliseconds(200));
        Assert.Equal(2, server.Ranges.Count);
        Assert.Equal(body, await File.ReadAllBytesAsync(Target));
    }

    [Fact]
    public async Task Bytes_ThatAreWrong_AreDeletedAndNamed()
    {
        using var server = new FileServer([.. body[..^1], 0]);
        var error = await Assert.ThrowsAsync<DownloadException>(() => GetAsync(server));
        Assert.Contains("expected", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public async Task File_ThatWasAltered_IsFetchedAgain()
    {
        using var server = new FileServer(body);
        folder.Write("numbers.bin", [1, 2, 3]);
        await GetAsync(server);
        Assert.Equal(body, await File.ReadAllBytesAsync(Target));
    }

    [Fact]
    public async Task Server_WithoutTheFile_IsQuoted()
    {
        using var server = new FileServer(body) { Refusal = "404 Not Found" };
        var error = await Assert.ThrowsAsync<DownloadException>(() => GetAsync(server));
        Assert.Contains("404 (Not Found)", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("503 Service Unavailable", 1)]
    [InlineData("500 Internal Server Error", 1)]
    [InlineData("429 Too Many Requests\r\nRetry-After: 7", 7)]
    [InlineData("503 Service Unavailable\r\nRetry-After: Fri, 01 Jan 2021 00:01:30 GMT", 90)]
    [InlineData("503 Service Unavailable\r\nRetry-After: 0", 1)]
    public async Task Server_ThatIsBusy_IsAskedAgainWhenItSays(string excuse, int seconds)
    {
        using var server = new FileServer(body) { Excuses = new([excuse]) };
        await GetAsync(server);
        Assert.Equal([TimeSpan.FromSeconds(seconds)], time.Waits);
        Assert.Equal(body, await File.ReadAllBytesAsync(Target));
    }

    [Fact]
    public async Task Server_ThatStaysBusy_IsGivenUpAfterLongerAndLongerPauses()
    {
        using var server = new FileServer(body) { Refusal = "503 Service Unavailable" };
        var error = await Assert.ThrowsAsync<DownloadException>(() => GetAsync(server));
        Assert.Contains("503 (Service Unavailable)", error.Message, StringComparison.Ordinal);
        Assert.Equal([1, 2, 4, 8, 16], time.Waits.Select(wait => wait.TotalSeconds));
    }

    [Fact]
    public async Task Server_ThatWantsToRestForHours_IsGivenUpAtOnce()
    {
        using var server = new FileServer(body) { Excuses = new(["429 Too Many Requests\r\nRetry-After: 86400"]) };
        await Assert.ThrowsAsync<DownloadException>(() => GetAsync(server));
        Assert.Empty(time.Waits);
    }

    [Fact]
    public async Task Disk_ThatIsFull_IsNoLostConnection()
    {
        using var server = new FileServer(body);
        File.CreateSymbolicLink(Part, "/dev/full");
        await Assert.ThrowsAsync<IOException>(() => GetAsync(server));
        Assert.Single(server.Ranges);
    }

    [Fact]
    public async Task Machine_WithoutNetwork_IsToldWhatToDo()
    {
        Uri address;
        using (var server = new FileServer(body))
        {
            address = server.Address;
        }
        var error = await Assert.ThrowsAsync<DownloadException>(() => GetAsync(address));
        Assert.Contains($"save it as '{Target}'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Caller_WhoCancels_IsObeyed()
    {
        using var server = new FileServer(body) { Silences = int.MaxValue };
        using var cancellation = new CancellationTokenSource();
        var progress = new Steps { Reported = cancellation.Cancel };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => GetAsync(server, progress, cancellationToken: cancellation.Token));
    }

    [Theory]
    [InlineData("numbers.zip")]
    [InlineData("numbers.tar.gz")]
    public async Task Archive_IsUnpackedBeforeItGetsItsName(string name)
    {
        var archive = Pack(name, ("top/a/1.txt", "one"), ("top/2.txt", "two"), ("other/3.txt", "three"));
        using var server = new FileServer(archive);
        var data = new PublicData("numbers", "for tests", server.Address, [new(name, archive.Length, Convert.ToHexStringLower(SHA256.HashData(archive)), "top/")]);
        folder.Write("2.txt", "old"u8.ToArray());
        await new Downloader(http).GetAsync(data, folder.Path);
        Assert.Equal(["2.txt", Path.Combine("a", "1.txt"), name], Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(folder.Path, file)).Order(StringComparer.Ordinal));
        Assert.Equal("two", await File.ReadAllTextAsync(Path.Combine(folder.Path, "2.txt")));
    }

    [Theory]
    [InlineData("numbers.zip")]
    [InlineData("numbers.tar.gz")]
    public async Task Archive_ThatWouldWriteElsewhere_IsRefused(string name)
    {
        var archive = Pack(name, ("../../evil.txt", "one"));
        using var server = new FileServer(archive);
        var data = new PublicData("numbers", "for tests", server.Address, [new(name, archive.Length, Convert.ToHexStringLower(SHA256.HashData(archive)), "")]);
        Assert.Contains("outside the folder", (await Assert.ThrowsAsync<DownloadException>(() => new Downloader(http).GetAsync(data, folder.Path))).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(folder.Path, name)));
    }

    [Fact]
    public async Task Archive_DeletesNoFolderThatIsThere()
    {
        var archive = Pack("numbers.zip", ("train/1.txt", "one"));
        using var server = new FileServer(archive);
        Directory.CreateDirectory(Path.Combine(folder.Path, "train"));
        folder.Write(Path.Combine("train", "mine.txt"), "mine"u8.ToArray());
        var data = new PublicData("numbers", "for tests", server.Address, [new("numbers.zip", archive.Length, Convert.ToHexStringLower(SHA256.HashData(archive)), "")]);
        Assert.Contains("train' is there already", (await Assert.ThrowsAsync<DownloadException>(() => new Downloader(http).GetAsync(data, folder.Path))).Message, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(folder.Path, "train", "mine.txt")));
        Directory.Delete(Path.Combine(folder.Path, "train"), recursive: true);
        await new Downloader(http).GetAsync(data, folder.Path);
        Assert.Equal("one", await File.ReadAllTextAsync(Path.Combine(folder.Path, "train", "1.txt")));
    }

    private static byte[] Pack(string name, params (string Path, string Text)[] members)
    {
        using var packed = new MemoryStream();
        if (name.EndsWith(".zip", StringComparison.Ordinal))
        {
            using var zip = new ZipArchive(packed, ZipArchiveMode.Create, leaveOpen: true);
            foreach (var (path, text) in members)
            {
                using var member = zip.CreateEntry(path).Open();
                member.Write(Encoding.UTF8.GetBytes(text));
            }
        }
        else
        {
            using var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true);
            using var tar = new TarWriter(gzip);
            foreach (var (path, text) in members)
            {
                tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, path) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(text)) });
            }
        }
        return packed.ToArray();
    }

    [Fact]
    public void Name_ThatIsUnknown_IsAnsweredWithThoseKnown() =>
        Assert.Contains("text8, mnist, fashion-mnist", Assert.Throws<DownloadException>(() => PublicData.Named("nmist")).Message, StringComparison.Ordinal);

    private Task GetAsync(FileServer server, Steps? progress = null, TimeSpan? patience = null, CancellationToken cancellationToken = default) =>
        GetAsync(server.Address, progress, patience, cancellationToken);

    private Task GetAsync(Uri mirror, Steps? progress = null, TimeSpan? patience = null, CancellationToken cancellationToken = default)
    {
        var file = new PublicFile("numbers.bin", body.Length, Convert.ToHexStringLower(SHA256.HashData(body)));
        var data = new PublicData("numbers", "for tests", new("http://localhost/"), [file]);
        var downloader = new Downloader(http) { Patience = patience ?? TimeSpan.FromSeconds(30), Time = time };
        return downloader.GetAsync(data, folder.Path, mirror, progress, cancellationToken);
    }

    private sealed class Steps : IProgress<DownloadProgress>
    {
        public List<DownloadProgress> Reports { get; } = [];

        public Action Reported { get; init; } = () => { };

        public void Report(DownloadProgress value)
        {
            Reports.Add(value);
            Reported();
        }
    }
}
