using System.CommandLine;
using Granary.Client.Views;
using Granary.Training.Checkpoints;
using Granary.Training.Runs;
using Granary.Training.Tasks;
using Granary.Training.Wording;
using Spectre.Console;

namespace Granary.Client.Commands;

/// <summary><c>granary show RUNDIR</c></summary>
internal static class ShowCommand
{
    public static Command Create()
    {
        var directory = new Argument<string>("rundir") { Description = "The run directory (--out of granary train)." };
        var command = new Command("show", "A run's spec, state, checkpoints and learning curve.") { directory };
        command.SetAction(parsed => Show(parsed.GetValue(directory)!));
        return command;
    }

    private static void Show(string directory)
    {
        var checkpoints = RunDirectory.Checkpoints(directory);
        var newest = checkpoints[0].Manifest;
        Screen.Write(Describe(newest));
        Screen.Write(List(checkpoints, newest.Measure));
        var curve = RunHistory.Read(directory)
            .Where(point => point.Metrics.TryGetValue("loss", out var loss) && double.IsFinite(loss))
            .Select(point => ((double)point.Step, point.Metrics["loss"]))
            .ToList();
        if (curve.Count > 1)
        {
            Console.WriteLine("loss by step");
            Console.WriteLine(CurvePlot.Draw(curve, width: 72, height: 12));
        }
    }

    private static Grid Describe(CheckpointManifest manifest)
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
        var spec = manifest.Spec;
        Row("task", spec.Task);
        Row("state", manifest.Step >= manifest.TotalSteps ? $"complete: {manifest.Step:N0} steps" : $"at step {manifest.Step:N0} of {manifest.TotalSteps:N0}; granary resume goes on");
        Row("seed, shards", $"{spec.Seed}, {spec.Shards}");
        Row("data", spec.Data ?? "built in");
        foreach (var (name, hash) in spec.DataFiles)
        {
            Row("", $"{name}  sha256 {hash}");
        }
        if (spec.Init is { } init)
        {
            Row("begun with", string.Join("  ", [init, .. spec.InitMap.Select(rule => $"--map {rule}")]));
        }
        foreach (var (name, hash) in spec.InitFiles)
        {
            Row("", $"{name}  sha256 {hash}");
        }
        foreach (var (name, hash) in spec.SettingFiles)
        {
            Row("files of settings", $"{name}  sha256 {hash}");
        }
        Row("settings", string.Join("  ", spec.Settings.Select(setting => $"{setting.Key}={setting.Value}")));
        Row("asked for", $"{spec.Workers} workers, checkpoints every {spec.CheckpointEvery} steps, {spec.Keep} kept, states compared every {spec.VerifyEvery}");
        Row("made with", string.Join("  ", spec.Versions.Select(version => $"{version.Key} {version.Value}")));
        Row("switches", string.Join("  ", spec.Switches.Select(entry => $"{entry.Key}={entry.Value}")));
        return grid;

        void Row(string name, string value) => grid.AddRow(new Text(name), new Text(Shown.OneLine(value)));
    }

    private static Table List(IEnumerable<Checkpoint> checkpoints, Measure measure)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("step", "written", Markup.Escape(measure.Metric), "agreed", "weights' sha256");
        foreach (var manifest in checkpoints.Select(checkpoint => checkpoint.Manifest))
        {
            table.AddRow($"{manifest.Step:N0}", $"{manifest.Written.LocalDateTime:yyyy-MM-dd HH:mm:ss}", $"{manifest.Score:G5}", $"{manifest.Agreed} of {manifest.Replicas}", Markup.Escape(manifest.WeightsSha256));
        }
        return table;
    }
}
