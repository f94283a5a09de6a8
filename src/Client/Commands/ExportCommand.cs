using System.CommandLine;
using Granary.Silo;
using Granary.Training.Checkpoints;
using Granary.Training.Files;
using Granary.Training.Tasks;
using Granary.Training.Wording;

namespace Granary.Client.Commands;

/// <summary><c>granary export RUNDIR PATH</c>: a trained model for other programs.</summary>
internal static class ExportCommand
{
    private const string HuggingFace = "huggingface", Onnx = "onnx", Word2Vec = "word2vec", Word2VecBinary = "word2vec-binary";

    public static Command Create()
    {
        var directory = new Argument<string>("rundir") { Description = "The run directory (--out of granary train), whose best checkpoint is taken, or one of its checkpoints." };
        var path = new Argument<string>("path") { Description = "The file to write; for huggingface, a new folder." };
        var format = new Option<string?>("--format") { Description = "huggingface: a folder that transformers open; onnx: a graph that any runtime of ONNX computes; word2vec, word2vec-binary: word vectors. Default: word2vec, if the model has word vectors." };
        format.AcceptOnlyFromAmong(HuggingFace, Onnx, Word2Vec, Word2VecBinary);
        var command = new Command("export", "Writes a trained model in a format of other programs.") { directory, path, format };
        command.SetAction(parsed =>
        {
            var (wanted, target) = (parsed.GetValue(format), parsed.GetValue(path)!);
            if (wanted != HuggingFace)
            {
                OutputFile.Check("PATH", target);
            }
            using var model = RunDirectory.OpenModel(parsed.GetValue(directory)!);
            Write(model, target, wanted);
            Console.WriteLine(Path.GetFullPath(target));
        });
        return command;
    }

    private static void Write(TrainedModel model, string path, string? format)
    {
        var (manifest, task) = (model.Checkpoint.Manifest, GranaryEnvironment.Tasks[model.Checkpoint.Manifest.Spec.Task]);
        var offered = FormatsOf(model.Replica.Model, task);
        switch ((format ?? (offered.Contains(Word2Vec) ? Word2Vec : null), model.Replica.Model))
        {
            case (HuggingFace, _) when task.HuggingFace is { } folder:
                HuggingFaceFolder.Write(path, manifest.Spec with { Settings = TaskSettings.Complete(task, manifest.Spec.Settings) }, model.Replica.State, folder, manifest.Step);
                break;
            case (Onnx, IOnnxModel graph):
                OutputFile.Write(path, graph.WriteOnnx);
                break;
            case (Word2Vec or Word2VecBinary, IWordVectors vectors):
                vectors.Export(path, binary: format == Word2VecBinary);
                break;
            default:
                throw new UserErrorException($"Task '{task.Name}' {(offered.Count == 0 ? "is written in no format of other programs" : $"is written as --format {string.Join(" or ", offered)}")}. Its weights are safetensors as they are: {model.Checkpoint.ModelPath}");
        }
    }

    private static List<string> FormatsOf(object? model, ITrainingTask task) =>
    [
        .. task.HuggingFace is null ? [] : new[] { HuggingFace }, .. model is IOnnxModel ? [Onnx] : Array.Empty<string>(),
        .. model is IWordVectors ? [Word2Vec, Word2VecBinary] : Array.Empty<string>(),
    ];
}
