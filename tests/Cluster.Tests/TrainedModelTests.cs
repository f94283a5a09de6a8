using System.Text.Json;

namespace Granary.Cluster.Tests;

/// <summary>What users do with trained models.</summary>
public sealed class TrainedModelTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Predict_OfLinesOfWhichSomeAreBad_AnswersTheOthersAndNamesThem()
    {
        await TrainAsync("fizzbuzz");
        File.WriteAllText(In("lines.txt"), "3\n\nmany\n5\n");
        var plain = await CommandLine.RunAsync("predict", In("fizzbuzz"), "--from", In("lines.txt"));
        Assert.Equal(1, plain.ExitCode);
        Assert.Equal(["3", "5"], plain.Output.Trim().Split('\n').Select(line => line.Split('\t')[1]));
        Assert.Equal(
            [$"granary: Line 2 of {In("lines.txt")}: It is empty. Give an input in each line.", $"granary: Line 3 of {In("lines.txt")}: 'many' is no number that has 10 binary digits: give one from 0 to 1023."],
            plain.Error.Trim().Split('\n'));

        var json = await CommandLine.RunAsync("predict", In("fizzbuzz"), "--from", In("lines.txt"), "--json");
        Assert.Equal((1, plain.Error), (json.ExitCode, json.Error));
        var answers = json.Output.Trim().Split('\n').Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal(["3", "", "many", "5"], answers.Select(answer => answer.GetProperty("input").GetString()));
        Assert.Equal([true, false, false, true], answers.Select(answer => answer.TryGetProperty("answer", out _)));
        Assert.StartsWith("'many' is no number", answers[2].GetProperty("error").GetString(), StringComparison.Ordinal);

        Assert.Contains("granary: Input 2: 'no' is no number", (await CommandLine.RunAsync("predict", In("fizzbuzz"), "9", "no")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Generate_WithAnOptionThatTheModelHasNoUseFor_NamesBoth()
    {
        await TrainAsync("gpt", "--set", "layers=1", "--set", "width=8", "--set", "heads=1");
        Assert.Equal("granary: Task 'gpt' writes text: --input is of no use to it.", await RefusalAsync("gpt", "--input", "picture.png"));
        await TrainAsync("gan", "--set", "batch=8");
        Assert.Equal("granary: Task 'gan' draws pictures of its own: --temperature is of no use to it.", await RefusalAsync("gan", "--seed", "3", "--temperature", "1"));
        Assert.Equal("granary: Task 'gan' draws pictures of its own: --prompt is of no use to it.", await RefusalAsync("gan", "--prompt", "a"));
        await TrainAsync("style", "--set", "size=32");
        Assert.Equal("granary: Task 'style' is one picture: --count is of no use to it.", await RefusalAsync("style", "--count", "3"));
    }

    [Fact]
    public async Task Export_IsInTheFormatsThatAModelHas_AndBeginsAnotherRun()
    {
        await TrainAsync("gpt", "--set", "layers=1", "--set", "width=8", "--set", "heads=2");
        var exported = await CommandLine.RunAsync("export", In("gpt"), In("folder"), "--format", "huggingface");
        Assert.Equal((0, In("folder")), (exported.ExitCode, exported.Output.Trim()));
        Assert.Equal(["characters.txt", "config.json", "model.safetensors"], Directory.GetFiles(In("folder")).Select(Path.GetFileName).Order());
        var begun = await CommandLine.RunAsync("train", "gpt", "--steps", "1", "--workers", "1", "--out", In("begun"), "--init", In("folder"));
        Assert.True(begun.ExitCode == 0, begun.Error);
        Assert.Contains("layers=1", (await CommandLine.RunAsync("show", In("begun"))).Output, StringComparison.Ordinal);

        var graph = await CommandLine.RunAsync("export", Path.Combine(In("gpt"), "checkpoints", "00000001"), In("gpt.onnx"), "--format", "onnx");
        Assert.True(graph.ExitCode == 0, graph.Error);
        Assert.True(new FileInfo(In("gpt.onnx")).Length > 1000);
        var vague = await CommandLine.RunAsync("export", In("gpt"), In("gpt.txt"));
        Assert.StartsWith("granary: Task 'gpt' is written as --format huggingface or onnx. Its weights are safetensors as they are: ", vague.Error, StringComparison.Ordinal);
        Assert.Equal((1, false), (vague.ExitCode, File.Exists(In("gpt.txt"))));
        Assert.Equal($"granary: '{In("folder")}' is there already. Name a new folder.", (await CommandLine.RunAsync("export", In("gpt"), In("folder"), "--format", "huggingface")).Error.Trim());
    }

    private async Task<string> RefusalAsync(string task, params string[] options)
    {
        var refused = await CommandLine.RunAsync(["generate", In(task), "--out", In("made"), .. options]);
        Assert.Equal((1, false), (refused.ExitCode, File.Exists(In("made"))));
        return refused.Error.Trim();
    }

    private string In(string name) => Path.Combine(folder, name);

    private async Task TrainAsync(string task, params string[] options)
    {
        var trained = await CommandLine.RunAsync(["train", task, "--steps", "1", "--workers", "1", "--out", In(task), .. options]);
        Assert.True(trained.ExitCode == 0, trained.Error);
    }
}
