namespace Granary.Training.Tasks;

/// <summary>Says what a setting of a task means and which values it takes. The property's initial value is the default.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SettingAttribute(string meaning) : Attribute
{
    /// <summary>One line for users.</summary>
    public string Meaning { get; } = meaning;

    /// <summary>The smallest value that it takes. Default: any.</summary>
    public double Min { get; init; } = double.NegativeInfinity;

    /// <summary>The largest value that it takes. Default: any.</summary>
    public double Max { get; init; } = double.PositiveInfinity;

    /// <summary>The allowed words of a text setting; empty: any.</summary>
    public string[] Choices { get; init; } = [];

    /// <summary>
    /// Whether a text is the path of a file or a folder that training reads, or empty. What lies there belongs to the run as its data do:
    /// by path, and by content. Default: no.
    /// </summary>
    public bool IsPath { get; init; }
}
