using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Granary.Training.Exchange;
using Granary.Training.Exchange.Links;
using Granary.Training.Frames;
using Granary.Training.Shards;

namespace Granary.Bench.Exchange;

/// <summary>
/// Sums between processes of this machine, one worker each. A sample: all fill their frames (not timed) and meet; they sum. The
/// milliseconds of the slowest. The processes are this program's own, with <see cref="ProcessCommand"/>.
/// </summary>
internal static class ProcessSums
{
    private const int Least = 5, WarmUps = 3, Most = 2000;

    // The runtime compiles what is called often anew, in the background.
    private const double SecondsToCompile = 0.3;
    private const int BytesToCompile = 4 << 20;
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(30);

    /// <summary>Starts the processes, tells them of each other, and hears what the first has measured.</summary>
    /// <returns>The samples of each size, as soon as it is done.</returns>
    public static async IAsyncEnumerable<List<double>> MeasureAsync(int processes, Transport transport, bool isEncrypted, IReadOnlyList<int> bytes, double seconds)
    {
        var members = Enumerable.Range(0, processes).Select(_ => Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [ProcessCommand.Name])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!).ToList();
        try
        {
            await Task.WhenAll(members.Select((member, rank) => TellAsync(member, new Order(rank, transport, isEncrypted, [.. bytes], seconds))));
            var ports = await Task.WhenAll(members.Select(async member => int.Parse(await member.StandardOutput.ReadLineAsync() ?? "0")));
            await Task.WhenAll(members.Select(member => TellAsync(member, ports)));
            foreach (var _ in bytes)
            {
                var answer = await members[0].StandardOutput.ReadLineAsync() ?? throw new BenchmarkException("A process of the exchange ended early; its error is above.");
                yield return JsonSerializer.Deserialize<List<double>>(answer)!;
            }
        }
        finally
        {
            foreach (var member in members)
            {
                member.StandardInput.Close();
                if (!member.WaitForExit(patience))
                {
                    member.Kill();
                }
                member.Dispose();
            }
        }
    }

    /// <summary>One of the processes: says its port, is told of the others, and sums.</summary>
    public static async Task TakePartAsync()
    {
        var order = Hear<Order>();
        using var listener = new PeerListener(IPAddress.Loopback, 0, order.Transport, encryption: order.IsEncrypted ? Encryption() : null);
        Console.WriteLine(listener.Port);
        var members = Hear<int[]>().Select(port => new PeerAddress(IPAddress.Loopback.ToString(), port)).ToList();
        using var timeout = new CancellationTokenSource(patience);
        var links = await listener.MeetAsync(Guid.Empty, order.Rank, members, timeout.Token);
        var ranges = ShardRange.Split(members.Count, members.Count);
        using var group = new ProcessGroup([ranges[order.Rank]], members.Count, new SocketMesh(order.Rank, links, ranges, members.Count, patience), [.. ranges.Select((_, process) => process)]);
        var member = new Member(group.Exchanges[0], ranges[order.Rank], order.Rank, members.Count);
        foreach (var bytes in (int[])[BytesToCompile, order.Bytes.Min(), BytesToCompile])
        {
            _ = member.Sum(bytes, Math.Min(SecondsToCompile, order.Seconds));
        }
        foreach (var bytes in order.Bytes)
        {
            var samples = member.Sum(bytes, order.Seconds);
            if (order.Rank == 0)
            {
                Console.WriteLine(JsonSerializer.Serialize(samples));
            }
        }
    }

    /// <summary>With a certificate made for the purpose, and trust in those of the others.</summary>
    private static PeerEncryption Encryption()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = DateTimeOffset.UtcNow;
        var certificate = new CertificateRequest("CN=bench", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        var context = SslStreamCertificateContext.Create(certificate, null, offline: true);
        return new(() => context, (_, _, _, _) => true);
    }

    private static async Task TellAsync<T>(Process member, T message)
    {
        await member.StandardInput.WriteLineAsync(JsonSerializer.Serialize(message));
        await member.StandardInput.FlushAsync();
    }

    private static T Hear<T>() => JsonSerializer.Deserialize<T>(Console.ReadLine() ?? throw new BenchmarkException($"{ProcessCommand.Name} is for granary bench exchange to start."))!;

    private sealed class Member(IExchange exchange, ShardRange range, int rank, int processes)
    {
        private const int Samples = Most + WarmUps;
        private long step;

        /// <returns>The slowest process's milliseconds.</returns>
        public List<double> Sum(int bytes, double seconds)
        {
            using var frame = Frame.Allocate(bytes / sizeof(float) - Frame.SizeOf(0, 0), 0);
            using var flag = Frame.Allocate(1, 0);
            using var times = Frame.Allocate(processes * Samples, 0);
            var mine = times.Values.Slice(rank * Samples, Samples);
            var begun = Stopwatch.GetTimestamp();
            var count = 0;
            for (var goesOn = true; goesOn; count++)
            {
                frame.Dense.Fill(1 + rank);
                // The meeting; the first process says whether there will be another.
                flag.Clear();
                flag.Values[0] = rank == 0 && count + 1 < Samples && (count < WarmUps + Least || Stopwatch.GetElapsedTime(begun).TotalSeconds < seconds) ? 1 : 0;
                Sum(flag);
                goesOn = flag.Values[0] > 0;
                var started = Stopwatch.GetTimestamp();
                Sum(frame);
                mine[count] = (float)Stopwatch.GetElapsedTime(started).TotalMilliseconds;
                if (frame.Dense[0] != processes * (processes + 1) / 2 || frame.Dense[^1] != frame.Dense[0] || (count == 0 && frame.Dense.ContainsAnyExcept(frame.Dense[0])))
                {
                    throw new BenchmarkException("The sum is wrong.");
                }
            }
            Sum(times);
            return [.. Enumerable.Range(WarmUps, count - WarmUps).Select(sample => Enumerable.Range(0, processes).Max(process => (double)times.Values[process * Samples + sample]))];
        }

        private void Sum(Frame frame)
        {
            exchange.Sum([new(range, frame)], step++, 0);
            exchange.Release();
        }
    }

    private sealed record Order(int Rank, Transport Transport, bool IsEncrypted, int[] Bytes, double Seconds);
}
