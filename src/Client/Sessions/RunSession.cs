using Granary.Client.Views;
using Granary.Contracts;
using Granary.Silo;
using Granary.Silo.Telemetry;
using Granary.Training.Runs;
using Granary.Training.Wording;
using Grpc.Core;

namespace Granary.Client.Sessions;

/// <summary>How a run is watched.</summary>
/// <param name="Quiet">Say nothing but errors.</param>
/// <param name="Summary">A file for the result as JSON.</param>
/// <param name="Patience">How long to go on trying when the server does not answer.</param>
internal sealed record Watching(bool Quiet, string? Summary, TimeSpan Patience);

/// <summary>Whose run is watched, and so what an interruption means for it.</summary>
internal enum RunOwner
{
    /// <summary>Made for this command, and ends with it.</summary>
    Command,

    /// <summary>On a cluster, by this command: Ctrl+C cancels it, a closed terminal leaves it alone.</summary>
    Submitter,

    /// <summary>On a cluster, by others: it is left alone.</summary>
    Others,

    /// <summary>Made by this process together with others, which go on without it.</summary>
    Member,
}

/// <summary>Submits a run, shows it until it has ended, and says how it ended.</summary>
internal static class RunSession
{
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    /// <returns>The program's exit code.</returns>
    public static async Task<int> RunAsync(TrainingClient client, RunSpec spec, Watching how, RunOwner owner, Interruption interruption)
    {
        RunStatus submitted;
        try
        {
            submitted = await SubmitAsync(client, spec, interruption.Asked);
        }
        catch (RpcException) when (interruption.Asked.IsCancellationRequested)
        {
            return ExitCode.Interrupted;
        }
        return await WatchAsync(client, submitted, how, owner, interruption);
    }

    /// <summary>The server reads the data once, to know their content: large ones take a while, and a network file system may hang.</summary>
    public static async Task<RunStatus> SubmitAsync(TrainingClient client, RunSpec spec, CancellationToken cancellationToken)
    {
        using var trace = new ClientTrace("submit run", spec.RunId, GranaryEnvironment.Versions["granary"]);
        using var reminder = new Reminder("the server to read the data and accept the run");
        try
        {
            return await client.SubmitAsync(spec, cancellationToken);
        }
        catch (RpcException refused)
        {
            trace.Fail(refused.Status.Detail);
            throw;
        }
    }

    /// <param name="known">The run's last known status.</param>
    /// <param name="since">What came before is not shown. Default: all that the cluster still knows is shown.</param>
    /// <param name="until">Where to stop watching before the run's end, because what was asked for is reached.</param>
    public static async Task<int> WatchAsync(
        TrainingClient client, RunStatus known, Watching how, RunOwner owner, Interruption interruption, DateTimeOffset since = default, Func<RunStatus, bool>? until = null)
    {
        var runId = known.Spec.RunId;
        using var left = new CancellationTokenSource();
        using var over = new CancellationTokenSource();
        await using var run = new WatchedRun(client.WatchAsync(known, left.Token).SkipWhile(entry => entry.Status.Since < since && !entry.Status.HasEnded), until);
        using var registration = interruption.Asked.Register(() =>
        {
            if (owner == RunOwner.Command || (owner == RunOwner.Submitter && !interruption.TerminalGone))
            {
                _ = CancelAsync(client, runId, over.Token);
            }
            else
            {
                left.Cancel();
            }
        });
        try
        {
            var last = await run.ShowAsync(how.Quiet ? [] : RunView.All());
            over.Cancel();
            return End(last, how, asked: until?.Invoke(last) ?? false, owner);
        }
        catch (OperationCanceledException) when (left.IsCancellationRequested)
        {
            ErrorLine.Say(owner == RunOwner.Member ? $"This process leaves run '{runId}', which goes on in others, or else from a checkpoint." : $"Run '{runId}' goes on; granary watch {runId} shows it again.");
            return ExitCode.Interrupted;
        }
    }

    private static int End(RunStatus last, Watching how, bool asked, RunOwner owner)
    {
        if (!how.Quiet)
        {
            try
            {
                RunSummary.Print(last);
            }
            catch (IOException broken)
            {
                ErrorLine.Say($"The result cannot be shown: {broken.Message}");
            }
        }
        if (how.Summary is { } path)
        {
            try
            {
                RunSummary.Write(last, path);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw new UserErrorException($"Run '{last.Spec.RunId}' has ended ({last.State.ToString().ToLowerInvariant()}), but --summary {path} cannot be written: {error.Message}");
            }
        }
        return last.State switch
        {
            RunState.Failed => throw new UserErrorException($"Run '{last.Spec.RunId}' failed: {last.Reason}"),
            // A process that is started again after an interruption would find it cancelled once more.
            RunState.Cancelled when owner == RunOwner.Member => throw new UserErrorException($"Run '{last.Spec.RunId}' was cancelled: {last.Reason}"),
            RunState.Cancelled when !asked => ExitCode.Interrupted,
            _ => ExitCode.Done,
        };
    }

    /// <summary>Asks until it is heard: the server may be away just now.</summary>
    private static async Task CancelAsync(TrainingClient client, string runId, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await client.CancelAsync(runId, "Interrupted: ending at the next step boundary, with a checkpoint.", cancellationToken: cancellationToken);
                return;
            }
            // A run that was seen is there: a server that does not know it has not found its records yet.
            catch (RpcException away) when (TrainingClient.MayPass(away) || away.StatusCode == StatusCode.NotFound)
            {
                await Task.Delay(RetryPause, cancellationToken);
            }
            catch (RpcException refused)
            {
                ErrorLine.Say($"Run '{runId}' cannot be cancelled: {refused.Status.Detail}");
                return;
            }
        }
    }
}
