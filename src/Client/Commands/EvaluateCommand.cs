using System.CommandLine;

namespace Granary.Client.Commands;

/// <summary><c>granary evaluate RUNDIR</c></summary>
internal static class EvaluateCommand
{
    public static Command Create()
    {
        var directory = new Argument<string>("rundir") { Description = "The run directory (--out of granary train)." };
        var data = new Option<string?>("--data") { Description = "Where the run's data are now, or other data, split as for training. Texts are read with the words that the model knows." };
        var command = new Command("evaluate", "The task's own measures on held-out data, for the best checkpoint.") { directory, data };
        command.SetAction(parsed =>
        {
            using var model = RunDirectory.OpenModel(parsed.GetValue(directory)!, parsed.GetValue(data) is { } asked ? DataPath.Resolve(asked) : null);
            Console.WriteLine($"checkpoint {model.Checkpoint.Directory}");
            foreach (var (name, value) in model.Evaluate())
            {
                Console.WriteLine($"{name} {value:G6}");
            }
        });
        return command;
    }
}
