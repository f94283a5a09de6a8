namespace Granary.Silo.Diagnosis;

/// <summary>Whether something is to be done about a finding.</summary>
public enum FindingLevel
{
    /// <summary>Nothing is.</summary>
    Good,

    /// <summary>It works, but slower, or not for all that could be wanted.</summary>
    Warning,

    /// <summary>It does not work.</summary>
    Broken,
}

/// <summary>One thing about this machine.</summary>
/// <param name="Subject">What it is about, in a word or two.</param>
/// <param name="Fact">How it is.</param>
/// <param name="Level">Whether something is to be done.</param>
/// <param name="Cure">What is to be done.</param>
public sealed record Finding(string Subject, string Fact, FindingLevel Level = FindingLevel.Good, string? Cure = null)
{
    /// <summary>It works, but.</summary>
    internal static Finding Warn(string subject, string fact, string? cure = null) => new(subject, fact, FindingLevel.Warning, cure);

    /// <summary>It does not work.</summary>
    internal static Finding Break(string subject, string fact, string? cure = null) => new(subject, fact, FindingLevel.Broken, cure);
}
