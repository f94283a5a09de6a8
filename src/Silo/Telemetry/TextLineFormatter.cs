using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Granary.Silo.Telemetry;

/// <summary>A line an event: its time in UTC, its level, who says it, what, and why.</summary>
/// <param name="verbose">Whether a warning has the whole of its exception, as an error always has.</param>
internal sealed class TextLineFormatter(bool verbose, TimeProvider time) : ConsoleFormatter(Name)
{
    public new const string Name = "granary-text";

    // StackExchange.Redis puts fifty counters behind what has happened.
    private const int LongestReason = 200;

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var message = logEntry.Formatter(logEntry.State, logEntry.Exception);
        var why = logEntry.Exception is not { } error ? ""
            : " " + (verbose || logEntry.LogLevel >= LogLevel.Error ? error.ToString() : Reason(error));
        textWriter.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{time.GetUtcNow():yyyy-MM-ddTHH:mm:ss.fff}Z {Level(logEntry.LogLevel)}: {logEntry.Category}[{logEntry.EventId.Id}] {OneLine(message + why)}"));
    }

    private static string Reason(Exception error)
    {
        var reason = $"{error.GetType().Name}: {error.Message}";
        return reason.Length <= LongestReason ? reason : reason[..LongestReason] + "…";
    }

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");

    private static string Level(LogLevel level) => level switch
    {
        LogLevel.Trace => "trce",
        LogLevel.Debug => "dbug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        LogLevel.Error => "fail",
        _ => "crit",
    };
}
