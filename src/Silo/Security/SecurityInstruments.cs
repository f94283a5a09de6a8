using System.Diagnostics.Metrics;
using Granary.Grains.Telemetry;

namespace Granary.Silo.Security;

/// <summary>What a gateway measures of those who come. Every instrument is a row of docs/metrics.md.</summary>
internal sealed class SecurityInstruments
{
    private readonly Counter<long> refused;

    public SecurityInstruments(IMeterFactory meters) =>
        refused = meters.Create(TrainingInstruments.Name).CreateCounter<long>("gateway.refused", "{call}", "Calls and requests that were not let in.");

    public void Refused(Refusal why) => refused.Add(1, new KeyValuePair<string, object?>("reason", why.ToString().ToLowerInvariant()));
}

/// <summary>Why somebody is not let in.</summary>
internal enum Refusal
{
    /// <summary>There is no token.</summary>
    Missing,

    /// <summary>The token opens nothing.</summary>
    Unknown,

    /// <summary>Too many tokens that open nothing came from the same address.</summary>
    Slowed,

    /// <summary>The token's role does not go that far.</summary>
    Role,
}
