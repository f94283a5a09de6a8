using Granary.Client.Views;
using Granary.Contracts;
using Granary.Training.Runs;

namespace Granary.Client;

/// <summary>Submits a run, shows it until it has ended, and says how it ended.</summary>
internal static class RunSession
{
    /// <returns>The program's exit code.</returns>
    public static async Task<int> RunAsync(TrainingClient client, RunSpec spec, bool quiet, string? summaryPath, Interruption interruption)
    {
        await client.SubmitAsync(spec);
        return await WatchAsync(client, spec.RunId, quiet, summaryPath, interruption);
    }

    public static async Task<int> WatchAsync(TrainingClient client, string runId, bool quiet, string? summaryPath, Interruption interruption, bool cancelOnInterrupt = true)
    {
        using var detached = new CancellationTokenSource();
        using var registration = interruption.Asked.Register(() =>
        {
            if (cancelOnInterrupt)
            {
                _ = client.CancelAsync(runId, "Interrupted: ending at the next step boundary, with a checkpoint.");
            }
            else
            {
                detached.Cancel();
            }
        });
        var last = await RunView.Create(quiet).ShowAsync(client.WatchAsync(runId, detached.Token));
        if (summaryPath is not null)
        {
            RunSummary.Write(last, summaryPath);
        }
        if (!quiet)
        {
            RunSummary.Print(last);
        }
        return last.State switch
        {
            RunState.Succeeded => ExitCode.Done,
            RunState.Cancelled => ExitCode.Interrupted,
            _ => throw new UserErrorException($"Run '{runId}' failed: {last.Reason}"),
        };
    }
}
