namespace Granary.Silo.Faults;

/// <summary>For <c>granary chaos</c>.</summary>
public sealed class FaultOptions
{
    public const string Section = "Granary:Faults";

    /// <summary>
    /// Whether the program that the silo is attached to may hold training up at a step of its choice, by lines on standard
    /// input. Default: no.
    /// </summary>
    public bool Enabled { get; set; }
}
