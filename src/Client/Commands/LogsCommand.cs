using System.CommandLine;
using Granary.Client.Sessions;
using Granary.Client.Views;
using Granary.Contracts;
using Granary.Training.Runs;
using Granary.Training.Wording;
using Grpc.Core;

namespace Granary.Client.Commands;

/// <summary><c>granary logs RUN</c></summary>
internal static class LogsCommand
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(0.5);

    public static Command Create()
    {
        var follow = new Option<bool>("--follow") { Description = "Go on until the run has ended; Ctrl+C leaves it running." };
        var command = new Command("logs", "What has happened to a run, a line an event.") { follow };
        var run = new RunArgument(command);
        var server = new ServerOption(command);
        command.SetAction(async (parsed, _) =>
        {
            using var client = server.Connect(parsed);
            using var interruption = new Interruption();
            try
            {
                var known = await RunArgument.AskAsync(client, run.Read(parsed), id => client.GetAsync(id, interruption.Asked), interruption.Asked);
                return await ShowAsync(client, known.Spec.RunId, parsed.GetValue(follow), interruption.Asked);
            }
            catch (Exception) when (interruption.Asked.IsCancellationRequested)
            {
                return ExitCode.Interrupted;
            }
        });
        return command;
    }

    private static async Task<int> ShowAsync(TrainingClient client, string run, bool follow, CancellationToken cancellationToken)
    {
        var isOver = false;
        for (long? last = null; ; await Task.Delay(LookEvery, cancellationToken))
        {
            try
            {
                var status = await client.GetAsync(run, cancellationToken);
                foreach (var entry in await client.LogAsync(run, last ?? 0, cancellationToken))
                {
                    Print(entry);
                    last = entry.Id;
                }
                if (isOver || !follow)
                {
                    return last is null ? Say(status) : ExitCode.Done;
                }
                // Its last word may come a moment after its end: one more look.
                isOver = status.HasEnded;
            }
            catch (RpcException away) when (last is not null && TrainingClient.MayPass(away))
            {
            }
        }
    }

    /// <summary>An earlier version has written nothing down.</summary>
    private static int Say(RunStatus status)
    {
        Print(new(0, status.Since, status.Step, status.State.ToString().ToLowerInvariant(), "", status.Reason));
        return ExitCode.Done;
    }

    private static void Print(JournalEntry entry) =>
        Console.WriteLine($"{entry.Time.LocalDateTime:yyyy-MM-dd HH:mm:ss} step {entry.Step:N0} {entry.State}: {Shown.OneLine(entry.Message)}");
}
