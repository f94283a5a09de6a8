using Microsoft.Extensions.Logging;

namespace Granary.Grains.Coordinator;

internal sealed partial class RoundDriver
{
    [LoggerMessage(LogLevel.Information, "Run {RunId}: round {Round} with {Workers} workers trains from step {Step}")]
    private partial void LogRoundStarted(string runId, long round, int workers, long step);

    [LoggerMessage(LogLevel.Information, "Run {RunId}: checkpoint of step {Step}: {Place}")]
    private partial void LogCheckpoint(string runId, long step, string place);

    [LoggerMessage(LogLevel.Warning, "Run {RunId}: {Remark}")]
    private partial void LogRemark(string runId, string remark);

    [LoggerMessage(LogLevel.Warning, "Run {RunId}: {Damage} It was passed over.")]
    private partial void LogCheckpointSkipped(string runId, string damage);

    [LoggerMessage(LogLevel.Warning, "Run {RunId} lost {Slot}: {Reason}")]
    private partial void LogWorkerLost(string runId, string slot, string? reason);

    [LoggerMessage(LogLevel.Warning, "Run {RunId} goes on without {Slot}: {Reason}")]
    private partial void LogUnfit(string runId, string slot, string reason);

    [LoggerMessage(LogLevel.Error, "Run {RunId}: {Difference}")]
    private partial void LogStatesDiffer(string runId, string difference);

    [LoggerMessage(LogLevel.Information, "Run {RunId}: took over round {Round}")]
    private partial void LogTookOver(string runId, long round);

    [LoggerMessage(LogLevel.Information, "Run {RunId}: round {Round} makes way for one with {Workers} workers")]
    private partial void LogChanging(string runId, long round, int workers);

    [LoggerMessage(LogLevel.Warning, "Run {RunId}: round {Round} did not start: {Slot}: {Reason}")]
    private partial void LogNotStarted(string runId, long round, string slot, string? reason);

    [LoggerMessage(LogLevel.Warning, "Run {RunId}: round {Round} broke off: {Reason}")]
    private partial void LogRoundBroke(string runId, long round, string reason);

    [LoggerMessage(LogLevel.Warning, "Run {RunId}: the cluster's list of slots is away")]
    private partial void LogClusterAway(Exception error, string runId);

    [LoggerMessage(LogLevel.Warning, "Run {RunId}: {Straggler}")]
    private partial void LogStraggler(string runId, string straggler);

    [LoggerMessage(LogLevel.Information, "Run {RunId} spreads its shards anew: {Reason}")]
    private partial void LogReplanned(string runId, string reason);

    [LoggerMessage(LogLevel.Error, "Run {RunId} cannot go on")]
    private partial void LogDriveFailed(Exception error, string runId);
}
