namespace Granary.Silo.Settings;

/// <summary>What a silo's log on standard output looks like.</summary>
public sealed class LogOptions
{
    public const string Section = "Granary:Logging";

    /// <summary>One line an event in either: for people, or JSON for programs. Default: Text.</summary>
    public LogFormat Format { get; set; }
}

public enum LogFormat
{
    Text,
    Json,
}
