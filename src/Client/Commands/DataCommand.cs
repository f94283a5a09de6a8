using System.CommandLine;
using System.CommandLine.Parsing;
using Granary.Client.Views;
using Granary.Silo;
using Granary.Training;

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
        var folder = new Option<string?>("--to") { Description = $"The folder to fetch into. Default: NAME in {EnvironmentVariable.Data}, or in data." };
        var mirror = new Option<Uri?>("--mirror") { Description = "The address of a folder to fetch from instead of the publisher's.", CustomParser = ReadAddress };
        var command = new Command("get", "Fetches a data set and checks it; goes on where an earlier attempt ended.") { name, folder, mirror };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var data = parsed.GetValue(name)!;
            var target = Path.GetFullPath(parsed.GetValue(folder) ?? Path.Combine(EnvironmentVariable.Read(EnvironmentVariable.Data) ?? "data", data));
            using var bars = new DownloadBars();
            await DataSets.GetAsync(data, target, parsed.GetValue(mirror), bars.Show, reason => ErrorLine.Say(reason), cancellationToken);
            bars.Dispose();
            Console.WriteLine(target);
        });
        return command;
    }

    private static Uri? ReadAddress(ArgumentResult result)
    {
        if (Uri.TryCreate(result.Tokens[0].Value.TrimEnd('/') + "/", UriKind.Absolute, out var address) && address.Scheme is "http" or "https")
        {
            return address;
        }
        result.AddError("an address such as https://example.org/data/");
        return null;
    }
}
