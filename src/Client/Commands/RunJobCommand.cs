using System.CommandLine;
using Granary.Client.Sessions;
using Granary.Client.Views;
using Granary.Contracts;
using Granary.Silo;
using Granary.Silo.Settings;
using Granary.Training;
using Granary.Training.Files;
using Granary.Training.Runs;
using Granary.Training.Settling;
using Granary.Training.Tasks;
using Granary.Training.Wording;
using Grpc.Core;

namespace Granary.Client.Commands;

/// <summary><c>granary run-job TASK</c>: one run, in processes that a batch system starts, replaces when they are gone, and judges by their exit codes.</summary>
internal static class RunJobCommand
{
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(0.5);

    public static Command Create(Option<bool> verbose)
    {
        var command = new Command("run-job", "Trains a task as a job of a batch system: started again, it goes on from the newest checkpoint in --out; told to end, it leaves one. Exit codes: docs/command-line.md.");
        var spec = new SpecOptions(command, needsOutput: true);
        var config = new Option<string?>("--config") { Description = "A silo's settings, as of granary silo: all processes that are started with this command make the run together, and meet in the settings' Redis. Default: this process makes it alone." };
        command.Options.Add(config);
        List<Option> before = [.. command.Options];
        var session = new SessionOptions(command);
        List<Option> ofOne = [.. command.Options.Except(before)];
        var watch = new WatchOptions(command);
        command.SetAction(async (parsed, _) =>
        {
            var id = RunNames.Of(parsed.GetValue<string?>("--out")!);
            if (parsed.GetValue(config) is not { } file)
            {
                return await TrainCommand.RunAsync(GoOn(spec.Read(parsed) with { RunId = id }, roots: null), session, watch, parsed, parsed.GetValue(verbose));
            }
            if (ofOne.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } useless)
            {
                throw new UserErrorException($"{useless.Name} is for a process that makes the run alone: it goes without --config.");
            }
            RunOptions.CheckKind(parsed);
            var settings = SiloSettings.Read(file, Environment.GetEnvironmentVariables());
            var offer = new ClusterOffer([.. GranaryEnvironment.Tasks.Tasks.Select(TaskDescription.Of)], HasRoots: settings.Roots is not null);
            return await JoinAsync(spec.Read(parsed, offer) with { RunId = id }, settings, file, watch.Read(parsed), parsed.GetValue(verbose));
        });
        return command;
    }

    /// <summary>This process's silo, which trains, and its client, which sees to it that there is the run, and waits for its end.</summary>
    private static async Task<int> JoinAsync(RunSpec spec, SiloSettings settings, string file, Watching how, bool verbose)
    {
        using var interruption = new Interruption();
        using var over = new CancellationTokenSource();
        using var client = new TrainingClient(AccessTo(settings)) { Patience = how.Patience };
        var silo = RunSiloAsync(file, verbose, over.Token);
        try
        {
            return await SeeThroughAsync(client, spec, settings, silo, how, interruption);
        }
        catch (OperationCanceledException) when (interruption.Asked.IsCancellationRequested)
        {
            return ExitCode.Interrupted;
        }
        // Its settings were understood: what is missing may be there when the process is started again.
        catch (RpcException) when (silo.Exception?.InnerException is ClusterStartException missing)
        {
            ErrorLine.Say(missing.Message);
            return ExitCode.LostSight;
        }
        finally
        {
            over.Cancel();
            await silo.ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    private static async Task RunSiloAsync(string file, bool verbose, CancellationToken over)
    {
        try
        {
            await SiloProgram.RunAsync(file, attached: null, verbose, over);
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
        }
    }

    private static async Task<int> SeeThroughAsync(TrainingClient client, RunSpec spec, SiloSettings settings, Task silo, Watching how, Interruption interruption)
    {
        await UntilAnsweredAsync(async () => await client.IsServingAsync(how.Patience, interruption.Asked), silo, Timeout.InfiniteTimeSpan, interruption.Asked);
        var run = await UntilAnsweredAsync(() => FindOrSubmitAsync(client, spec, settings, interruption.Asked), silo, how.Patience, interruption.Asked);
        return await RunSession.WatchAsync(client, run, how, RunOwner.Member, interruption);
    }

    /// <summary>All members ask for the same run, which so is one. The directory is read before the cluster is asked: who hears then that there is no such run has read what every member does.</summary>
    private static async Task<RunStatus> FindOrSubmitAsync(TrainingClient client, RunSpec spec, SiloSettings settings, CancellationToken cancellationToken)
    {
        var asked = GoOn(spec, settings.Roots);
        try
        {
            return await client.GetAsync(spec.RunId, cancellationToken);
        }
        catch (RpcException unknown) when (unknown.StatusCode == StatusCode.NotFound)
        {
            return await client.SubmitAsync(asked, cancellationToken);
        }
    }

    /// <summary>Asks this process's silo again while it starts, or the cluster forms.</summary>
    private static async Task<T> UntilAnsweredAsync<T>(Func<Task<T>> ask, Task silo, TimeSpan patience, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(patience);
        while (true)
        {
            try
            {
                return await ask();
            }
            catch (RpcException away) when (TrainingClient.MayPass(away) && !silo.IsCompleted && !limit.IsCancellationRequested)
            {
                await Task.Delay(RetryPause, cancellationToken);
            }
        }
    }

    private static ServerAccess AccessTo(SiloSettings settings) => new(
        new($"{(settings.Security.Certificate is null ? Uri.UriSchemeHttp : Uri.UriSchemeHttps)}://localhost:{settings.Cluster.GrpcPort}"),
        EnvironmentVariable.Read(EnvironmentVariable.Token),
        settings.Security.Authority is { } authority ? File.ReadAllText(authority) : null);

    /// <summary>The run that is asked for, or what is left of it, if some of it lies in its directory.</summary>
    private static RunSpec GoOn(RunSpec spec, PathRoots? roots)
    {
        var directory = roots?.Output("--out", spec.Output) ?? spec.Output;
        if (RunDirectory.NewestIfAny(directory) is not { Manifest: var manifest })
        {
            return spec;
        }
        if (!SpecSettlement.Settle(spec, GranaryEnvironment.Tasks, GranaryEnvironment.Versions, roots).TrainsTheSameAs(manifest.Spec))
        {
            throw new UserErrorException($"--out {spec.Output} holds a run of '{manifest.Spec.Task}' with other steps, settings or data than this command's. Choose another, or go on with what is there: granary resume {directory}");
        }
        RunDirectory.WarnOfVersions(manifest);
        return spec with { Resume = true, Switches = manifest.Spec.Switches };
    }
}
