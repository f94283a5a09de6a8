using System.CommandLine;
using Granary.Silo;
using Spectre.Console;

namespace Granary.Client.Commands;

/// <summary><c>granary data list</c> and <c>granary data get NAME</c></summary>
internal static class DataCommand
{
    public static Command Create() => new("data", "Public data sets.") { CreateList(), CreateGet() };

    private static Command CreateList()
    {
        var command = new Command("list", "The data sets that can be fetched.");
        command.SetAction(_ =>
        {
            foreach (var (name, summary) in DataSets.Known)
            {
                Console.WriteLine($"{name,-14} {summary}");
            }
        });
        return command;
    }

    private static Command CreateGet()
    {
        var name = new Argument<string>("name") { Description = "See: granary data list" };
        var folder = new Option<string?>("--to") { Description = $"The folder to fetch into. Default: NAME in {DataPath.Variable}, or in data." };
        var mirror = new Option<Uri?>("--mirror") { Description = "An address to fetch from instead of the publisher's; ends with a slash." };
        var command = new Command("get", "Fetches a data set and checks it; goes on where an earlier attempt ended.") { name, folder, mirror };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var data = parsed.GetValue(name)!;
            var target = Path.GetFullPath(parsed.GetValue(folder) ?? Path.Combine(Environment.GetEnvironmentVariable(DataPath.Variable) ?? "data", data));
            await AnsiConsole.Progress().StartAsync(async display =>
            {
                var bars = new Dictionary<string, ProgressTask>();
                await DataSets.GetAsync(data, target, parsed.GetValue(mirror), (file, received, length) =>
                {
                    if (!bars.TryGetValue(file, out var bar))
                    {
                        bars.Add(file, bar = display.AddTask(file, maxValue: length));
                    }
                    bar.Value = received;
                }, cancellationToken);
            });
            Console.WriteLine(target);
        });
        return command;
    }
}
