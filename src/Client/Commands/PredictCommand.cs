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
        var asJson = new Option<bool>("--json") { Description = "A line of JSON for each input: input, answer, choices with their probabilities; or input and error." };
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
            var (number, code) = (0, ExitCode.Done);
            foreach (var answer in Chunks(given, file).SelectMany(chunk => Answers(predictor, chunk)))
            {
                number++;
                if (answer.Error is not null)
                {
                    ErrorLine.Say($"{(given.Length > 0 ? $"Input {number}" : $"Line {number} of {file ?? "standard input"}")}: {answer.Error}");
                    code = ExitCode.Failed;
                }
                if (parsed.GetValue(asJson))
                {
                    Console.WriteLine(Json(answer, most));
                }
                else if (answer.Prediction is { } prediction)
                {
                    Console.WriteLine(Line(answer.Input, prediction, most));
                }
                if (folder is not null && answer.Prediction?.Picture is { } picture)
                {
                    File.WriteAllBytes(Path.Combine(folder, $"{number:D4}.png"), picture);
                }
            }
            return number > 0 ? code : throw new UserErrorException("There was no input. Give some as arguments, or one a line on standard input.");
        });
        return command;
    }

    private static IEnumerable<string> Tasks => GranaryEnvironment.Tasks.Tasks.Where(task => task.Uses.Contains(typeof(IPredictor))).Select(task => task.Name);

    private static IEnumerable<Answer> Answers(IPredictor predictor, string[] inputs)
    {
        try
        {
            return inputs.Zip(predictor.Predict([.. inputs.Select(Checked)]), (input, prediction) => new Answer(input, prediction));
        }
        catch (Exception error) when (error is UnanswerableInputException or TrainingDataException)
        {
            // One input without an answer keeps none of the others from theirs.
            return inputs is [var only] ? [new(only, Error: error.Message)] : inputs.SelectMany(input => Answers(predictor, [input]));
        }
    }

    private static string Checked(string input) => input.Length switch
    {
        0 => throw new UnanswerableInputException("It is empty. Give an input in each line."),
        > LongestLine => throw new UnanswerableInputException($"It is longer than {LongestLine} characters. Give a shorter one."),
        _ => input,
    };

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

    private static IEnumerable<string> LinesOf(TextReader text) => BoundedLines.Read(text, LongestLine);

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

    private static string Json(Answer answer, int most) => answer.Prediction is { } prediction
        ? JsonSerializer.Serialize(new { answer.Input, prediction.Answer, Choices = prediction.Choices.Take(most) }, json)
        : JsonSerializer.Serialize(new { answer.Input, answer.Error }, json);

    private sealed record Answer(string Input, Prediction? Prediction = null, string? Error = null);
}
