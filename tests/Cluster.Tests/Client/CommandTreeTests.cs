using System.Collections.Concurrent;
using System.CommandLine;
using System.CommandLine.Help;
using Granary.Client;
using Granary.Client.Commands;
using Granary.Client.Views;
using Granary.LocalClusters;

namespace Granary.Cluster.Tests.Client;

/// <summary>A cluster without runs, and a run directory of each of some tasks.</summary>
public sealed class CommandGround : IAsyncLifetime
{
    private LocalCluster cluster = null!;

    public string Folder { get; } = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    public string Server => cluster.Server.ToString();

    public async Task InitializeAsync()
    {
        cluster = await LocalCluster.StartAsync(1);
        File.WriteAllText(Path.Combine(Folder, "silo.json"), "{}");
        File.WriteAllText(Path.Combine(Folder, "numbers.txt"), "15\n16\n");
        File.WriteAllText(Path.Combine(Folder, "text.txt"), string.Concat(Enumerable.Range(1, 2000).Select(number => $"w{number * number % 31} ")));
        foreach (var (task, settings) in new[] { ("two-layer", ""), ("fizzbuzz", "hidden=8"), ("word2vec", "dimension=8"), ("lm", "hidden=8 embedding=8 batch=4 valid-words=200") })
        {
            string[] set = [.. settings.Split(' ', StringSplitOptions.RemoveEmptyEntries).SelectMany(setting => new[] { "--set", setting })];
            string[] data = task is "two-layer" or "fizzbuzz" ? [] : ["--data", Path.Combine(Folder, "text.txt")];
            var trained = await CommandLine.RunAsync(["train", task, "--steps", "2", "--workers", "1", "--quiet", "--out", Path.Combine(Folder, task), .. data, .. set]);
            Assert.True(trained.ExitCode == 0, trained.Error);
        }
    }

    public async Task DisposeAsync()
    {
        await cluster.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }
}

/// <summary>Every option and argument of every command, found by walking the tree of commands, with a good and a bad value.</summary>
public sealed class CommandTreeTests : IClassFixture<CommandGround>
{
    private readonly Option<bool> verbose = new("--verbose") { Recursive = true };
    private readonly RootCommand root;
    private readonly CommandValues values;

    public CommandTreeTests(CommandGround ground) => (root, values) = (GranaryApp.CreateCommands(verbose), new(ground.Folder, ground.Server));

    [Fact]
    public void Values_ThatAreGood_AreUnderstood()
    {
        foreach (var (path, command) in Leaves(root, ""))
        {
            foreach (var option in Options(command).Prepend(null))
            {
                string[] line = [.. Words(path, command, option), .. option is null ? [] : Given(path, option, values.Of(path, option.Name).Good)];
                Assert.Null(Misuse.Of(root.Parse(line)));
            }
        }
        Assert.Equal(values.Names.Order(), values.Used.Order());
    }

    [Fact]
    public async Task Values_ThatAreBad_GetOneLineThatNamesThemAndAnExitCode()
    {
        var faults = new ConcurrentBag<string>();
        await Parallel.ForEachAsync(BadLines(), new ParallelOptions { MaxDegreeOfParallelism = 2 }, async (line, _) =>
        {
            var result = await CommandLine.RunAsync(line.Words);
            var said = result.Error.Trim().Split('\n');
            if (result.ExitCode is not (ExitCode.Failed or ExitCode.Misused) || said.Length != 1 || !said[0].StartsWith("granary: ", StringComparison.Ordinal)
                || !line.Named.Any(name => said[0].Contains(name, StringComparison.Ordinal)) || said[0].Contains("defect", StringComparison.Ordinal))
            {
                faults.Add($"granary {string.Join(' ', line.Words)}: {result.ExitCode}, {result.Error}");
            }
        });
        Assert.True(faults.IsEmpty, string.Join('\n', faults.Order()));
    }

    [Theory]
    [InlineData("tasks")]
    [InlineData("show")]
    [InlineData("evaluate")]
    [InlineData("predict", "--top", "--json")]
    [InlineData("nearest", "--count")]
    [InlineData("analogy", "--count")]
    [InlineData("export", "--format")]
    [InlineData("generate", "--prompt", "--count", "--seed", "--out")]
    [InlineData("data list")]
    [InlineData("list", "--server")]
    [InlineData("nodes", "--server")]
    [InlineData("health", "--server")]
    [InlineData("doctor", "--json")]
    [InlineData("train", "--steps", "--seed", "--shards", "--workers", "--keep", "--checkpoint-every", "--verify-every", "--histograms-every", "--min-workers", "--priority", "--exchange", "--set", "--patience", "--summary", "--quiet", "--out")]
    [InlineData("resume", "--steps", "--keep", "--task", "--summary", "--quiet")]
    public async Task Command_WithGoodValues_Runs(string path, params string[] options)
    {
        var command = Leaves(root, "").Single(leaf => leaf.Path == path).Command;
        var result = await CommandLine.RunAsync([.. Words(path, command), .. options.SelectMany(name => Given(path, command.Options.Single(option => option.Name == name), values.Of(path, name).Good))]);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.All(result.Output.TrimEnd('\n').Split('\n'), line => Assert.Equal(line.TrimEnd(' '), line));
    }

    private IEnumerable<(string[] Words, string[] Named)> BadLines()
    {
        foreach (var (path, command) in Leaves(root, ""))
        {
            foreach (var argument in command.Arguments)
            {
                var bad = values.Of(path, argument.Name).Bad!;
                yield return ([.. Words(path, command, argument, bad), .. Server(command)], [bad]);
            }
            foreach (var option in Options(command))
            {
                var value = values.Of(path, option.Name);
                string[] words = value.Bad is null ? [option.Name] : value == Value.Flag ? [option.Name + value.Bad] : [option.Name, value.Bad];
                yield return ([.. Words(path, command, option), .. option.Name == "--server" ? [] : Server(command), .. words], [value.Bad?.TrimStart('=') ?? option.Name, option.Name]);
            }
        }
    }

    /// <summary>The command with a good value for each of its arguments, but one, and for each option that it wants.</summary>
    private string[] Words(string path, Command command, Symbol? other = null, string? value = null) =>
        [.. path.Split(' '), .. command.Arguments.Select(argument => argument == other ? value! : values.Of(path, argument.Name).Good), .. command.Options.Where(option => option.Required && option != other).SelectMany(option => Given(path, option, values.Of(path, option.Name).Good))];

    /// <summary>So that no other cluster of this machine is asked. A run directory goes on without one.</summary>
    private string[] Server(Command command) => command.Name != "resume" && command.Options.Any(option => option.Name == "--server") ? ["--server", values.Of("", "--server").Good] : [];

    private static string[] Given(string path, Option option, string value) => value.Length == 0 ? [option.Name] : [option.Name, value];

    private static IEnumerable<(string Path, Command Command)> Leaves(Command command, string path) => command.Subcommands.Count == 0
        ? [(path, command)]
        : command.Subcommands.SelectMany(sub => Leaves(sub, $"{path} {sub.Name}".Trim()));

    /// <summary>That of all commands is looked at with one.</summary>
    private IEnumerable<Option> Options(Command command) => (command.Name == "tasks" ? command.Options.Append(verbose) : command.Options).Where(option => option is not (HelpOption or VersionOption));
}
