using System.Collections;
using System.Net;
using Granary.Grains.Nodes;
using Granary.Silo.Security;
using Granary.Training.Files;
using Granary.Training.Wording;
using Microsoft.Extensions.Configuration;

namespace Granary.Silo.Settings;

/// <summary>All that is configured of a silo: the keys under <c>Granary:</c>, from a file and the environment, checked once.</summary>
public sealed class SiloSettings
{
    private const string Root = "Granary", GatewayPort = "Granary:Cluster:GatewayPort";
    private static readonly string Separator = ConfigurationPath.KeyDelimiter;

    private SiloSettings()
    {
    }

    public SiloClusterOptions Cluster { get; } = new();

    public NodeOptions Node { get; } = new();

    public SecurityOptions Security { get; } = new();

    public LimitOptions Limits { get; } = new();

    public LogOptions Logging { get; } = new();

    /// <summary>Where runs may read and write; <see langword="null"/>: wherever the silo's user may.</summary>
    public PathRoots? Roots => Node.Roots;

    /// <summary>All that a silo listens on.</summary>
    public IReadOnlyList<(int Port, string Setting)> Ports =>
    [
        (Cluster.SiloPort, $"{SiloClusterOptions.Section}:{nameof(Cluster.SiloPort)}"),
        (Cluster.GrpcPort, $"{SiloClusterOptions.Section}:{nameof(Cluster.GrpcPort)}"),
        (Cluster.HttpPort, $"{SiloClusterOptions.Section}:{nameof(Cluster.HttpPort)}"),
        (Node.DataPort, $"{NodeOptions.Section}:{nameof(Node.DataPort)}"),
    ];

    private (string Section, object Options)[] Sections => [(SiloClusterOptions.Section, Cluster), (NodeOptions.Section, Node), (SecurityOptions.Section, Security), (LimitOptions.Section, Limits), (LogOptions.Section, Logging)];

    /// <param name="file">JSON; <see langword="null"/>: none.</param>
    /// <param name="environment">Variables such as <c>Granary__Node__Slots</c> override the file. What is empty counts as not there.</param>
    /// <exception cref="ClusterStartException">Something is wrong: every key with its value, and what to write.</exception>
    public static SiloSettings Read(string? file, IDictionary environment)
    {
        var values = new Dictionary<string, (string Value, string Origin)>(StringComparer.OrdinalIgnoreCase);
        foreach (var (key, value) in file is null ? [] : ReadFile(file))
        {
            values[key] = (value, file!);
        }
        foreach (DictionaryEntry variable in environment)
        {
            var key = ((string)variable.Key).Replace("__", Separator, StringComparison.Ordinal);
            if (key.StartsWith(Root + Separator, StringComparison.OrdinalIgnoreCase) && variable.Value is string { Length: > 0 } value)
            {
                values[key] = (value, (string)variable.Key);
            }
        }
        return new SiloSettings().Take(values);
    }

    private static IEnumerable<(string Key, string Value)> ReadFile(string path)
    {
        if (!File.Exists(path))
        {
            throw new ClusterStartException($"There is no configuration file {path}.");
        }
        IConfigurationRoot read;
        try
        {
            read = new ConfigurationBuilder().AddJsonFile(Path.GetFullPath(path)).Build();
        }
        catch (Exception error) when (error is InvalidDataException or FormatException)
        {
            throw new ClusterStartException($"{path} cannot be read as JSON: {error.GetBaseException().Message}", error);
        }
        return read.AsEnumerable().Where(entry => entry.Value is { Length: > 0 }).Select(entry => (entry.Key, entry.Value!));
    }

    private SiloSettings Take(Dictionary<string, (string Value, string Origin)> values)
    {
        var known = Sections.SelectMany(section => OptionsReader.Settable(section.Options.GetType()).Select(property => (Key: section.Section + Separator + property.Name, section.Options, Property: property)))
            .ToDictionary(setting => setting.Key, StringComparer.OrdinalIgnoreCase);
        var wrong = new List<string>();
        foreach (var (key, (value, origin)) in values.OrderBy(entry => entry.Key, StringComparer.OrdinalIgnoreCase))
        {
            if (key.Equals(GatewayPort, StringComparison.OrdinalIgnoreCase))
            {
                wrong.Add($"{GatewayPort} ({Shown.Value(origin)}) is no setting any more, as nothing listens for clients of Orleans: leave it out.");
            }
            else if (!known.TryGetValue(key, out var setting))
            {
                wrong.Add($"There is no setting {Shown.Value(key)} ({Shown.Value(origin)}). Did you mean {NearestName.To(key, known.Keys)}?");
            }
            else if (OptionsReader.TrySet(setting.Options, setting.Property, value) is { } form)
            {
                var shown = OptionsReader.IsSecret(setting.Property) ? "is wrong" : $"is '{Shown.Value(value)}'";
                wrong.Add($"{setting.Key} {shown} ({Shown.Value(origin)}): write {form}.");
            }
        }
        if (!values.ContainsKey($"{NodeOptions.Section}{Separator}{nameof(Node.DataHost)}"))
        {
            Node.DataHost = Cluster.AdvertisedAddress;
        }
        wrong.AddRange(Contradictions());
        return wrong.Count == 0 ? this : throw new ClusterStartException(string.Join(" ", wrong));
    }

    /// <summary>What makes the silo listen beyond this machine; <see langword="null"/>: nothing does.</summary>
    private string? Opening =>
        !NodeOptions.IsLoopback(Cluster.AdvertisedAddress) ? $"{SiloClusterOptions.Section}:{nameof(Cluster.AdvertisedAddress)} '{Cluster.AdvertisedAddress}'"
        : !NodeOptions.IsLoopback(Node.DataHost) ? $"{NodeOptions.Section}:{nameof(Node.DataHost)} '{Node.DataHost}'"
        : null;

    private IEnumerable<string> Contradictions()
    {
        foreach (var same in Ports.Where(port => port.Port > 0).GroupBy(port => port.Port).Where(same => same.Count() > 1))
        {
            yield return $"{string.Join(" and ", same.Select(port => port.Setting))} are {same.Key} alike: write another port for each.";
        }
        // An address that is not in its plain form means another one: 010.0.0.5 is 8.0.0.5.
        if (IPAddress.TryParse(Cluster.AdvertisedAddress, out var address) && (address.Equals(IPAddress.Any) || address.ToString() != Cluster.AdvertisedAddress))
        {
            yield return $"Granary:Cluster:AdvertisedAddress is '{Cluster.AdvertisedAddress}', which stands for {address}: write this machine's own address, such as 10.0.0.5.";
        }
        if (Node.Slots > 0 && NodeOptions.IsLoopback(Node.DataHost) && !NodeOptions.IsLoopback(Cluster.AdvertisedAddress))
        {
            yield return $"Granary:Node:DataHost is '{Node.DataHost}', which other machines cannot reach: leave it out, and it is {Cluster.AdvertisedAddress}.";
        }
        foreach (var fault in Security.Faults(Opening))
        {
            yield return fault;
        }
    }
}
