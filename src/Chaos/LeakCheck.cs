using System.Diagnostics;
using System.Globalization;
using Granary.Contracts;
using Granary.LocalClusters;

namespace Granary.Chaos;

/// <summary>What a run must not leave behind: open files, connections between workers and tensors in the silos' processes, halves of checkpoints.</summary>
internal sealed class LeakCheck
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(250);
    private readonly HttpClient http = DirectHttp.CreateClient();
    private readonly IReadOnlyList<SiloProcess> silos;
    private double freshTensors;

    private LeakCheck(IReadOnlyList<SiloProcess> silos) => this.silos = silos;

    /// <param name="silos">Fresh: no run has been on them yet.</param>
    public static async Task<LeakCheck> BeginAsync(IReadOnlyList<SiloProcess> silos)
    {
        var check = new LeakCheck(silos);
        check.freshTensors = (await Task.WhenAll(silos.Select(check.TensorsAsync))).Max();
        return check;
    }

    /// <summary>Gives the silos some time to clean up.</summary>
    /// <returns>What is left then; empty: nothing.</returns>
    public async Task<IReadOnlyList<string>> EndAsync(string runDirectory)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            var left = Directory.GetDirectories(Path.Combine(runDirectory, "checkpoints"), ".*").Select(rest => $"{rest} is left").ToList();
            foreach (var silo in silos)
            {
                try
                {
                    left.AddRange(OpenFiles(silo, runDirectory).Select(file => $"{silo.Name} holds {file} open"));
                    left.AddRange(Connections(silo).Select(port => $"{silo.Name} holds a connection to port {port} for gradients"));
                    if (await TensorsAsync(silo) is var tensors && tensors > freshTensors)
                    {
                        left.Add($"{silo.Name} holds {tensors} tensors, a fresh silo {freshTensors}");
                    }
                }
                catch (Exception away) when (away is HttpRequestException or OperationCanceledException or IOException)
                {
                    left.Add($"{silo.Name} does not answer: {away.Message}");
                }
            }
            if (left.Count == 0 || Stopwatch.GetElapsedTime(started) > Patience)
            {
                return left;
            }
            await Task.Delay(LookAgain);
        }
    }

    private static IEnumerable<string> OpenFiles(SiloProcess silo, string directory) =>
        from descriptor in Directory.EnumerateFiles($"/proc/{silo.Process.Id}/fd")
        let target = File.ResolveLinkTarget(descriptor, returnFinalTarget: false)?.FullName
        where target is not null && target.StartsWith(directory + "/", StringComparison.Ordinal)
        select target;

    /// <summary>Ports for gradients that a connection of the silo's network begins or ends at.</summary>
    private IEnumerable<int> Connections(SiloProcess silo)
    {
        const string Established = "01", CloseWait = "08";
        var ports = silos.Select(one => one.DataPort).ToHashSet();
        return from table in new[] { "tcp", "tcp6" }
               from line in File.ReadLines($"/proc/{silo.Process.Id}/net/{table}").Skip(1)
               let columns = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)
               where columns[3] is Established or CloseWait
               from address in columns[1..3]
               let port = int.Parse(address[(address.IndexOf(':') + 1)..], NumberStyles.HexNumber, CultureInfo.InvariantCulture)
               where ports.Contains(port)
               select port;
    }

    private async Task<double> TensorsAsync(SiloProcess silo)
    {
        const string Gauge = "training_tensors";
        var metrics = await http.GetStringAsync(new Uri(silo.Http, "/metrics"));
        var line = metrics.Split('\n').First(line => line.StartsWith(Gauge, StringComparison.Ordinal));
        return double.Parse(line[(line.IndexOf('}') + 1)..].Trim().Split(' ')[0].Replace(Gauge, "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
    }
}
