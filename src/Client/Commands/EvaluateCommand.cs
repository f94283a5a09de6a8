using System.CommandLine;
using Granary.Training.Wording;

namespace Granary.Client.Commands;

/// <summary><c>granary evaluate RUNDIR</c></summary>
internal static class EvaluateCommand
{
    public static Command Create()
    {
        var directory = new Argument<string>("rundir") { Description = "The run directory (--out of granary train)." };
        var data = new Option<string?>("--data") { Description = "Where the run's data are now, or other data, split as for training. Texts are read with the words that the model knows." };
        var workers = new Option<int>("--workers") { Description = "Threads that share the shards: the same numbers, sooner.", DefaultValueFactory = _ => 1 };
        var command = new Command("evaluate", "The task's own measures on held-out data, for the best checkpoint.") { directory, data, workers };
        command.SetAction(parsed =>
        {
            var count = SpecOptions.AtLeast(parsed.GetValue(workers), 1, workers.Name);
            using var model = RunDirectory.OpenModel(parsed.GetValue(directory)!, parsed.GetValue(data) is { } asked ? DataPath.Resolve(asked) : null);
            Console.WriteLine($"checkpoint {model.Checkpoint.Directory}");
            if (count > model.Checkpoint.Manifest.Spec.Shards)
            {
                throw new UserErrorException($"{workers.Name} {count} is too large: the run has {model.Checkpoint.Manifest.Spec.Shards} shards, and a worker needs one at least.");
            }
            var (metrics, findings) = model.Evaluate(count);
            foreach (var (name, value) in metrics)
            {
                Console.WriteLine($"{name} {value:G6}");
            }
            if (findings is { Length: > 0 })
            {
                Console.WriteLine($"\n{findings.TrimEnd()}");
            }
        });
        return command;
    }
}
