using Microsoft.Extensions.Logging;

namespace Granary.Grains.Slots;

internal sealed partial class SlotSession
{
    [LoggerMessage(LogLevel.Information, "Round {Round} of run {RunId}: slot {Slot} adds gradients over {Way}")]
    private partial void LogJoined(long round, string runId, string slot, string way);

    [LoggerMessage(LogLevel.Information, "Round {Round} of run {RunId}: slot {Slot} adds gradients through the host: {Reason}")]
    private partial void LogThroughHost(string slot, string runId, long round, string reason);

    [LoggerMessage(LogLevel.Information, "Round {Round} of run {RunId}: restored step {Step} in slot {Slot}")]
    private partial void LogRestored(long step, string slot, string runId, long round);

    [LoggerMessage(LogLevel.Warning, "Round {Round} of run {RunId}: the checkpoint of step {Step} cannot be used in slot {Slot}")]
    private partial void LogUnusable(Exception reason, long step, string slot, string runId, long round);

    [LoggerMessage(LogLevel.Error, "Round {Round} of run {RunId} broke off in slot {Slot}: the workers' states differ at step {Step}")]
    private partial void LogStatesDiffer(long round, string runId, string slot, long step);

    [LoggerMessage(LogLevel.Error, "Slot {Slot} goes on without the thread that run {RunId} holds: it has not come back for {Patience}, from a read that hangs perhaps")]
    private partial void LogThreadGivenUp(string slot, string runId, TimeSpan patience);

    [LoggerMessage(LogLevel.Information, "Round {Round} of run {RunId}: copied step {Step} into slot {Slot} from {Source}")]
    private partial void LogCopied(long step, string slot, string runId, long round, string source);

    [LoggerMessage(LogLevel.Warning, "Refused round {Round} of run {RunId} in slot {Slot}, which has seen round {Newest}")]
    private partial void LogFenced(long round, string runId, string slot, long newest);

    [LoggerMessage(LogLevel.Warning, "Run {RunId} cannot start in slot {Slot}")]
    private partial void LogCannotStart(Exception error, string runId, string slot);

    [LoggerMessage(LogLevel.Warning, "Round {Round} of run {RunId} broke off in slot {Slot} at step {Step}: {Reason}")]
    private partial void LogRoundAborted(long round, string runId, string slot, long step, string reason);

    [LoggerMessage(LogLevel.Error, "Round {Round} of run {RunId} failed in slot {Slot} at step {Step}")]
    private partial void LogTrainingFailed(Exception error, string runId, long round, string slot, long step);
}
