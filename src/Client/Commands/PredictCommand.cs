using System.CommandLine;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Granary.Client.Views;
using Granary.Silo;
using Granary.Training.Files;
using Granary.Training.Tasks;
using Granary.Training.Wording;

namespace Granary.Client.Commands;

/// <summary><c>granary predict RUNDIR [INPUT...]</c></summary>
internal static class PredictCommand
{
    // Models answer to many inputs at once, but whoever types wants an answer to each line.
    private const int Together = 64, LongestLine = 1 << 20;
    private static readonly JsonSerializerOptions json = new(JsonSerializerDefaults.Web) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Command Create()
    {
        var directory = new Argument<string>("rundir") { Description = "The run directory (--out of granary train)." };
        var inputs = new Argument<string[]>("input") { Description = "Texts, or the paths of pictures, as the model takes them. Default: one a line from standard input.", Arity = ArgumentArity.ZeroOrMore };
        var from = new Option<string?>("--from") { Description = "A file with one input a line." };
        var top = new Option<int>("--top") { Description = "Answers to show of those that the model chooses from.", DefaultValueFactory = _ => 1 };
        var asJson = new Option<bool>("--json") { Description = "A line of JSON for each input: input, answer, choices with their probabilities." };
        var pictures = new Option<string?>("--pictures") { Description = "A folder for pictures of how each answer came about, from models that can show it." };
        var command = new Command("predict", "What a trained model says to inputs: a class, a translation, a missing word.") { directory, inputs, from, top, asJson, pictures };
        command.SetAction(parsed =>
        {
            var (given, file) = (parsed.GetValue(inputs)!, parsed.GetValue(from));
            if (given.Length > 0 && file is not null)
            {
                throw new UserErrorException($"Inputs are given, and {from.Name} {file}. Give one of the two.");
            }
            var most = SpecOptions.AtLeast(parsed.GetValue(top), 1, top.Name);
            using var model = RunDirectory.OpenModel(parsed.GetValue(directory)!);
            var predictor = model.Replica.Model as IPredictor
                ?? throw new UserErrorException($"Task '{model.Checkpoint.Manifest.Spec.Task}' answers to no inputs. Tasks that do: {string.Join(", ", Tasks)}.");
            var folder = parsed.GetValue(pictures) is { } wanted ? OutputFolder(pictures.Name, wanted) : null;
            var shown = 0;
            foreach (var chunk in Chunks(given, file))
            {
                foreach (var (input, prediction) in chunk.Zip(Answers(predictor, chunk)))
                {
                    shown++;
                    Console.WriteLine(parsed.GetValue(asJson) ? Json(input, prediction, most) : Line(input, prediction, most));
                    if (folder is not null && prediction.Picture is { } picture)
                    {
                        File.WriteAllBytes(Path.Combine(folder, $"{shown:D4}.png"), picture);
                    }
                }
            }
            return shown > 0 ? ExitCode.Done : throw new UserErrorException("There was no input. Give some as arguments, or one a line on standard input.");
        });
        return command;
    }

    private static IEnumerable<string> Tasks => GranaryEnvironment.Tasks.Tasks.Where(task => task.Uses.Contains(typeof(IPredictor))).Select(task => task.Name);

    private static IReadOnlyList<Prediction> Answers(IPredictor predictor, string[] inputs)
    {
        try
        {
            return predictor.Predict(inputs);
        }
        catch (ArgumentException wrong)
        {
            throw new UserErrorException(wrong.Message);
        }
    }

    private static IEnumerable<string[]> Chunks(string[] given, string? file)
    {
        if (given.Length > 0)
        {
            return given.Chunk(Together);
        }
        return file is not null ? LinesOf(file).Chunk(Together) : LinesOf(Console.In).Chunk(Console.IsInputRedirected ? Together : 1);
    }

    private static IEnumerable<string> LinesOf(string file)
    {
        using var text = Opened(file);
        foreach (var line in LinesOf(text))
        {
            yield return line;
        }
    }

    private static StreamReader Opened(string file)
    {
        try
        {
            return new(RegularFile.Open(file));
        }
        catch (Exception error) when (error.IsStorageFault())
        {
            throw new UserErrorException($"--from {file} cannot be read: {error.Message}");
        }
    }

    private static IEnumerable<string> LinesOf(TextReader text) => BoundedLines.Read(text, LongestLine).Select(line => line.TrimEnd('\r')).Where(line => line.Length > 0);

    private static string OutputFolder(string option, string path)
    {
        try
        {
            return Directory.CreateDirectory(path).FullName;
        }
        catch (Exception error) when (error.IsStorageFault())
        {
            throw new UserErrorException($"{option} {path} cannot be made: {error.Message}");
        }
    }

    private static string Line(string input, Prediction prediction, int most) => prediction.Choices.Count == 0
        ? $"{prediction.Answer}\t{input}"
        : $"{string.Join("  ", prediction.Choices.Take(most).Select(choice => string.Create(CultureInfo.InvariantCulture, $"{choice.Label} {choice.Probability:0.000}")))}\t{input}";

    private static string Json(string input, Prediction prediction, int most) =>
        JsonSerializer.Serialize(new { input, prediction.Answer, Choices = prediction.Choices.Take(most) }, json);
}
