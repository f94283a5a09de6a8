using Granary.Contracts;
using Granary.Training.Loop;

namespace Granary.Grains.Slots;

/// <summary>Carries a worker's reports to the coordinator, one after the other, without holding up the training thread.</summary>
internal sealed class WorkerReporter(ICoordinatorGrain coordinator, long round, int worker)
{
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan RetryFor = TimeSpan.FromMinutes(2);
    private Task last = Task.CompletedTask;
    private volatile WorkerReport? end;

    /// <summary>The worker's last word on the round, once it is said: a coordinator that takes over may ask for it.</summary>
    public WorkerReport? End => end;

    public WorkerReport Report(ReportKind kind, long step) => new() { Round = round, Worker = worker, Kind = kind, Step = step };

    /// <summary>Tells how it goes, unless the report before is still on its way.</summary>
    public void Progress(WorkerReport report)
    {
        if (last.IsCompleted)
        {
            last = SendAsync(report, retry: false);
        }
    }

    /// <summary>The same after the last step: never passed over.</summary>
    public void FinalProgress(WorkerReport report) => SendNext(report);

    /// <summary>A checkpoint was written, or was not; the message says where, or why.</summary>
    public void Checkpoint(long step, string message, bool written) =>
        _ = SendAsync(Report(ReportKind.Checkpoint, step) with { Message = message, Written = written }, retry: true);

    /// <summary>Something that users should know; training goes on, or will.</summary>
    public void Remark(long step, string message) => _ = SendAsync(Report(ReportKind.Remark, step) with { Message = message }, retry: true);

    /// <summary>The worker's part of the round is over: it has seen that the workers' states are not equal.</summary>
    public void Differ(StatesDifferException differ)
    {
        end = Report(ReportKind.Differs, differ.Step) with { Message = differ.Message, Odd = [.. differ.Odd] };
        SendNext(end);
    }

    /// <summary>The worker's part of the round is over. Repeated until the coordinator, wherever it now is, has heard it.</summary>
    public void Finish(ReportKind kind, long step, string? weightsSha256, string? message, int? shard = null)
    {
        end = Report(kind, step) with { WeightsSha256 = weightsSha256, Message = message, Shard = shard };
        SendNext(end);
    }

    /// <summary>Sends it after the report that is on its way.</summary>
    private void SendNext(WorkerReport report)
    {
        var before = last;
        last = Task.Run(async () =>
        {
            await before;
            await SendAsync(report, retry: true);
        });
    }

    private async Task SendAsync(WorkerReport report, bool retry)
    {
        for (var waited = TimeSpan.Zero; ; waited += RetryPause)
        {
            try
            {
                await coordinator.ReportAsync(report);
                return;
            }
            catch (Exception) when (!retry || waited >= RetryFor)
            {
                return; // the coordinator is away; it will ask when it is back
            }
            catch (Exception)
            {
                await Task.Delay(RetryPause);
            }
        }
    }
}
