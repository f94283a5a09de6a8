using Granary.Contracts;
using Microsoft.Extensions.Logging;

namespace Granary.Grains.Coordinator;

internal sealed partial class CoordinatorGrain
{
    [LoggerMessage(LogLevel.Information, "Run {RunId} is {State}: {Reason}")]
    private partial void LogStateChanged(string runId, RunState state, string reason);

    [LoggerMessage(LogLevel.Information, "Run {RunId}: round {Round} with {Workers} workers trains from step {Step}")]
    private partial void LogRoundStarted(string runId, long round, int workers, long step);

    [LoggerMessage(LogLevel.Information, "Run {RunId}: checkpoint of step {Step}: {Place}")]
    private partial void LogCheckpoint(string runId, long step, string place);

    [LoggerMessage(LogLevel.Warning, "Run {RunId}: {Damage} It was passed over.")]
    private partial void LogCheckpointSkipped(string runId, string damage);

    [LoggerMessage(LogLevel.Warning, "Run {RunId} lost {Slot}: {Reason}")]
    private partial void LogWorkerLost(string runId, string slot, string? reason);

    [LoggerMessage(LogLevel.Error, "Run {RunId} cannot go on")]
    private partial void LogDriveFailed(Exception error, string runId);
}
