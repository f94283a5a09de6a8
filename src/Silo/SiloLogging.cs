using Granary.Silo.Settings;
using Granary.Silo.Telemetry;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Granary.Silo;

/// <summary>A silo's log: one line an event on standard output, with its time.</summary>
public static class SiloLogging
{
    /// <param name="node">The node's name.</param>
    /// <param name="verbose">With what Orleans has to say, and the whole of every exception.</param>
    /// <param name="hasStarted">Whether the silo has.</param>
    internal static ILoggingBuilder AddSiloLog(this ILoggingBuilder logging, LogFormat format, string node, bool verbose, Func<bool> hasStarted)
    {
        logging.ClearProviders();
        ConsoleFormatter formatter = format == LogFormat.Json ? new JsonLineFormatter(node, TimeProvider.System) : new TextLineFormatter(verbose, TimeProvider.System);
        logging.AddConsole(console => console.FormatterName = formatter.Name);
        logging.Services.AddSingleton(formatter);
        return logging.AddSiloFilters(verbose, hasStarted);
    }

    /// <summary>What of a silo's log is worth a line, wherever it goes.</summary>
    /// <param name="verbose">With what Orleans has to say.</param>
    /// <param name="hasStarted">Whether the silo has.</param>
    public static ILoggingBuilder AddSiloFilters(this ILoggingBuilder logging, bool verbose, Func<bool> hasStarted)
    {
        var least = verbose ? LogLevel.Information : LogLevel.Warning;
        logging.SetMinimumLevel(least).AddFilter("Granary", LogLevel.Information);
        // At the start these take the machine's age for a stall, miss a garbage collector that would only take more memory, and wonder
        // that a pod has come back with another address.
        foreach (var category in (string[])["Orleans.Runtime.Silo", "Orleans.Runtime.Watchdog", "Orleans.Runtime.MembershipService.MembershipTableManager"])
        {
            logging.AddFilter(category, level => level >= least && (level != LogLevel.Warning || hasStarted()));
        }
        // What ends the start is told elsewhere, in one line; Orleans itself tells what placement retries.
        return logging
            // Who is refused is counted, and told where a change was asked for.
            .AddFilter("Granary.Silo.Security.TokenAuthentication", LogLevel.Warning)
            .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", level => level >= least && (verbose || hasStarted()))
            // A line for each connection above the limit would let strangers fill a disk; a metric counts them.
            .AddFilter("Microsoft.AspNetCore.Server.Kestrel.Connections", verbose ? least : LogLevel.Error)
            .AddFilter("Polly", verbose ? least : LogLevel.None);
    }
}
