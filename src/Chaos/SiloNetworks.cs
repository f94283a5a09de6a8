using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using Granary.LocalClusters;
using Granary.Silo.Settings;

namespace Granary.Chaos;

/// <summary>
/// A network for each silo of a cluster on this machine: a namespace of its own, joined to the others and to this program
/// by a virtual cable and a bridge. Cables can be cut. Removed with this object; what a killed program has left behind
/// is removed by the next.
/// </summary>
public sealed class SiloNetworks : IDisposable
{
    // Interface names have at most 15 characters: the process's id tells whose they are.
    private const string BridgePrefix = "gran", NamespacePrefix = "granary-";
    private const string Nowhere = "02:00:00:00:00:01";
    private static int created;
    private readonly string id;
    private readonly int count;
    private readonly byte[] subnet;

    private SiloNetworks(int count)
    {
        this.count = count;
        id = $"{Environment.ProcessId}.{Interlocked.Increment(ref created)}";
        subnet = FreeSubnet();
    }

    /// <summary>The bridge's address, by which silos reach what runs outside their networks.</summary>
    public IPAddress Bridge => new([.. subnet, 1]);

    /// <summary>Why this machine cannot have such networks, and what to do; <see langword="null"/>: it can.</summary>
    public static string? Obstacle() =>
        !OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess ? "Cutting networks (cut) needs root on Linux: run it as root, or leave cut out of --kinds."
        : Try(out _, "ip", "netns", "list") && Try(out _, "nsenter", "--version") ? null
        : "Cutting networks (cut) needs the commands ip and nsenter: apt-get install iproute2 util-linux, or leave cut out of --kinds.";

    /// <exception cref="ClusterStartException"/>
    public static SiloNetworks Create(int count)
    {
        if (Obstacle() is { } obstacle)
        {
            throw new ClusterStartException(obstacle);
        }
        RemoveLeftovers();
        var networks = new SiloNetworks(count);
        try
        {
            networks.Build();
            return networks;
        }
        catch
        {
            networks.Dispose();
            throw;
        }
    }

    /// <summary>The place of each silo.</summary>
    public IReadOnlyList<SiloPlace> Places => [.. Enumerable.Range(0, count).Select(silo => new SiloPlace(AddressOf(silo), $"/run/netns/{NamespaceName(silo)}"))];

    private IPAddress AddressOf(int silo) => new([.. subnet, (byte)(silo + 2)]);

    /// <summary>Takes the silo's cable down: nothing passes, and nobody is told.</summary>
    public void Cut(int silo) => Ip("link", "set", Cable(silo), "down");

    /// <summary>What the silo sends is lost from now on; what others send still reaches it.</summary>
    public void Mute(int silo)
    {
        foreach (var other in Others(silo))
        {
            Ip("-n", NamespaceName(silo), "neigh", "replace", $"{other}", "lladdr", Nowhere, "dev", "eth0", "nud", "permanent");
        }
    }

    /// <summary>Undoes both.</summary>
    public void Mend(int silo)
    {
        Ip("link", "set", Cable(silo), "up");
        foreach (var other in Others(silo))
        {
            Try(out _, "ip", "-n", NamespaceName(silo), "neigh", "del", $"{other}", "dev", "eth0");
        }
    }

    public void Dispose()
    {
        for (var silo = 0; silo < count; silo++)
        {
            // The cable goes with the namespace that one of its ends is in.
            Try(out _, "ip", "netns", "del", NamespaceName(silo));
            Try(out _, "ip", "link", "del", Cable(silo));
        }
        Try(out _, "ip", "link", "del", BridgePrefix + id);
    }

    private string NamespaceName(int silo) => $"{NamespacePrefix}{id}.{silo}";

    private string Cable(int silo) => $"g{id}v{silo}";

    private IEnumerable<IPAddress> Others(int silo) => Enumerable.Range(0, count).Where(other => other != silo).Select(AddressOf).Prepend(Bridge);

    private void Build()
    {
        var bridge = BridgePrefix + id;
        Ip("link", "add", bridge, "type", "bridge");
        Ip("addr", "add", $"{Bridge}/24", "dev", bridge);
        Ip("link", "set", bridge, "up");
        for (var silo = 0; silo < count; silo++)
        {
            var (name, cable) = (NamespaceName(silo), Cable(silo));
            Ip("netns", "add", name);
            Ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name);
            Ip("link", "set", cable, "master", bridge, "up");
            Ip("-n", name, "addr", "add", $"{AddressOf(silo)}/24", "dev", "eth0");
            Ip("-n", name, "link", "set", "lo", "up");
            Ip("-n", name, "link", "set", "eth0", "up");
        }
    }

    private static byte[] FreeSubnet()
    {
        var taken = NetworkInterface.GetAllNetworkInterfaces()
            .SelectMany(network => network.GetIPProperties().UnicastAddresses)
            .Select(address => address.Address.GetAddressBytes())
            .ToList();
        while (true)
        {
            byte[] subnet = [10, (byte)Random.Shared.Next(200, 250), (byte)Random.Shared.Next(256)];
            if (!taken.Any(address => address.AsSpan().StartsWith(subnet)))
            {
                return subnet;
            }
        }
    }

    /// <summary>Networks of programs that are no more.</summary>
    private static void RemoveLeftovers()
    {
        Try(out var namespaces, "ip", "netns", "list");
        foreach (var name in namespaces.Split('\n').Select(line => line.Split(' ')[0]).Where(name => IsLeftover(name, NamespacePrefix)))
        {
            Try(out _, "ip", "netns", "del", name);
        }
        foreach (var network in NetworkInterface.GetAllNetworkInterfaces().Where(network => IsLeftover(network.Name, BridgePrefix)))
        {
            Try(out _, "ip", "link", "del", network.Name);
        }
    }

    private static bool IsLeftover(string name, string prefix) =>
        name.StartsWith(prefix, StringComparison.Ordinal)
        && int.TryParse(name[prefix.Length..].Split('.')[0], CultureInfo.InvariantCulture, out var process)
        && !Directory.Exists($"/proc/{process}");

    private static void Ip(params string[] arguments)
    {
        if (!Try(out var said, ["ip", .. arguments]))
        {
            throw new ClusterStartException($"ip {string.Join(' ', arguments)} failed: {said.Trim()} May network namespaces be made here? Else leave cut out of --kinds.");
        }
    }

    private static bool Try(out string said, params string[] command)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            said = process.StandardOutput.ReadToEnd() + process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (Win32Exception missing)
        {
            said = missing.Message;
            return false;
        }
    }
}
