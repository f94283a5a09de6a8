using Granary.Torch.Data;
using Granary.Training.Checkpoints;
using Granary.Training.Tasks;
using TorchSharp.Modules;

namespace Granary.Models;

/// <summary>Word vectors that a model begins with: those of a word2vec run's best checkpoint, or of a file in word2vec's text format.</summary>
internal static class WordVectorSource
{
    /// <summary>Gives the words that are known there their vectors; the others keep those that they have.</summary>
    /// <exception cref="TrainingDataException">There is nothing of the kind, or none of the words.</exception>
    /// <exception cref="TaskSettingException">The vectors are of another length.</exception>
    public static unsafe void Fill(Embedding embedding, Vocabulary vocabulary, string path)
    {
        var vectors = Directory.Exists(path) ? OfRun(path) : VectorFile.Read(path);
        var length = (int)embedding.weight!.shape[1];
        if (vectors.Dimension != length)
        {
            throw new TaskSettingException($"Setting 'embedding' is {length}, and the vectors in '{path}' have {vectors.Dimension} numbers. Set embedding={vectors.Dimension}.");
        }
        var rows = new Span<float>(Granary.Torch.Networks.FlatParameters.Pointer(embedding.weight), (int)embedding.weight.numel());
        var found = 0;
        foreach (var (number, word) in vectors.Words.Index())
        {
            var row = vocabulary.Find(word);
            if (row > 0 || word == Vocabulary.Unknown)
            {
                vectors.Values.AsSpan(number * length, length).CopyTo(rows.Slice(row * length, length));
                found++;
            }
        }
        if (found == 0)
        {
            throw new TrainingDataException($"'{path}' has none of the {vocabulary.Count} words of the training texts. Are they of one language, and in small letters?");
        }
    }

    private static VectorFile OfRun(string path)
    {
        var task = new Word2VecTask();
        var checkpoint = TrainedRun.Find(path, task.Name);
        using var replica = task.OpenReplica(checkpoint.Manifest.Spec, checkpoint.ReadAsset);
        CheckpointStore.LoadModel(checkpoint, replica);
        var vectors = replica.State.Tensors.Single(tensor => tensor.Name == "input.weight");
        return new([.. Vocabulary.FromAssets(checkpoint.ReadAsset).Words], (int)vectors.Shape[1], vectors.Values.ToArray());
    }
}
