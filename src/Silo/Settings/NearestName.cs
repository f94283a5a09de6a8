using Granary.Training.Wording;

namespace Granary.Silo.Settings;

/// <summary>What somebody who has mistyped a name may have meant.</summary>
internal static class NearestName
{
    /// <summary>The known name that takes the fewest changes of a letter.</summary>
    public static string To(string name, IEnumerable<string> known) => known.MinBy(one => Letters.Distance(name.ToUpperInvariant(), one.ToUpperInvariant()))!;
}
