using System.Text.Json;
using Granary.Models.Texts;
using Granary.Torch;
using Granary.Torch.Data.Texts;
using Granary.Torch.Runtime;
using Granary.Training.Checkpoints;
using Granary.Training.Tasks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models;

/// <summary>
/// Word vectors that a model builds on: of a word2vec run or a file in word2vec's text format, one for each word; or of an elmo run, by a word's place in
/// its sentence. A trained model keeps what it needs of them as its assets.
/// </summary>
internal sealed class GivenVectors
{
    private const string FileName = "vectors.json", VocabularyName = "vectors-vocabulary.txt";
    private readonly string path;
    private readonly ElmoSettings? elmo;
    private readonly Vocabulary? elmoWords;

    private GivenVectors(string path, IReadOnlyDictionary<string, byte[]> assets)
    {
        (this.path, Assets) = (path, assets);
        try
        {
            var settings = JsonSerializer.Deserialize<Dictionary<string, string>?>(assets[FileName]);
            elmo = settings is null ? null : TaskSettings.Bind<ElmoSettings>(new() { Task = ElmoTask.Name, Settings = settings });
        }
        catch (Exception error) when (error is JsonException or TaskSettingException)
        {
            throw new CheckpointException($"The checkpoint's {FileName} is damaged: {error.Message} Use another checkpoint, or train anew.", error);
        }
        elmoWords = elmo is { ReadsWords: true } ? Vocabulary.FromAssets(_ => assets[VocabularyName], unknown: true) : null;
    }

    /// <summary>What a trained model keeps of them besides its weights.</summary>
    public IReadOnlyDictionary<string, byte[]> Assets { get; }

    /// <summary>Whether a word's vectors depend on its sentence.</summary>
    public bool AreContextual => elmo is not null;

    private static ITrainingTask ElmoTask { get; } = LearnerTask.Of<Elmo>();

    private static Word2VecTask Word2Vec { get; } = new();

    /// <summary>What lies at a path.</summary>
    /// <exception cref="TrainingDataException">It is the directory of no run, or of one of another task.</exception>
    public static GivenVectors At(string path)
    {
        var assets = new Dictionary<string, byte[]>();
        var run = Directory.Exists(path) ? TrainedRun.Find(path, Word2Vec.Name, ElmoTask.Name) : null;
        var settings = run?.Manifest.Spec is { } spec && spec.Task == ElmoTask.Name ? new SortedDictionary<string, string>(spec.Settings.ToDictionary(), StringComparer.Ordinal) : null;
        assets[FileName] = JsonSerializer.SerializeToUtf8Bytes(settings);
        if (settings is not null)
        {
            assets[VocabularyName] = run!.ReadAsset(Vocabulary.FileName);
        }
        return new(path, assets);
    }

    /// <summary>Those of a model that is trained already.</summary>
    /// <exception cref="CheckpointException">An asset is missing or damaged.</exception>
    public static GivenVectors FromAssets(Func<string, byte[]> asset)
    {
        var assets = new Dictionary<string, byte[]> { [FileName] = asset(FileName) };
        if (!assets[FileName].AsSpan().SequenceEqual("null"u8))
        {
            assets[VocabularyName] = asset(VocabularyName);
        }
        return new("", assets);
    }

    /// <summary>A part of another model that gives contextual vectors, yet to be filled.</summary>
    public ContextualVectors CreatePart() => new(new(elmoWords?.Count ?? 0, elmo!.Width), 2 * elmo.Width);

    /// <summary>What <see cref="ContextualVectors"/> reads of some words; <see langword="null"/>: there is one vector for each word.</summary>
    public long[]? Codes(IReadOnlyList<string> words) => elmo is null ? null : elmoWords is null ? WordCodes.Spell(words) : [.. words.Select(word => (long)elmoWords.Find(word))];

    /// <summary>Puts the elmo run's weights into a part.</summary>
    public void Fill(ContextualVectors part)
    {
        var run = TrainedRun.Find(path, ElmoTask.Name);
        using var replica = TrainedRun.Open(run, ElmoTask);
        var trained = ((Elmo)replica.Model).Body.named_parameters().ToDictionary(entry => entry.name, entry => entry.parameter);
        using var noGradient = no_grad();
        foreach (var (name, parameter) in part.Body.named_parameters())
        {
            parameter.copy_(trained[name]);
        }
    }

    /// <summary>Gives the words that are known there their vectors; the others keep those that they have.</summary>
    /// <exception cref="TrainingDataException">There is nothing of the kind, or none of the words.</exception>
    /// <exception cref="TaskSettingException">The vectors are of another length.</exception>
    public unsafe void Fill(Embedding embedding, Vocabulary vocabulary)
    {
        var vectors = Directory.Exists(path) ? OfWord2Vec() : VectorFile.Read(path);
        var length = (int)embedding.weight!.shape[1];
        if (vectors.Dimension != length)
        {
            throw new TaskSettingException($"Setting 'embedding' is {length}, and the vectors in '{path}' have {vectors.Dimension} numbers. Set embedding={vectors.Dimension}.");
        }
        var rows = new Span<float>(embedding.weight.Floats(), (int)embedding.weight.numel());
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

    private VectorFile OfWord2Vec()
    {
        var run = TrainedRun.Find(path, Word2Vec.Name);
        using var replica = TrainedRun.Open(run, Word2Vec);
        var vectors = replica.State.Tensors.Single(tensor => tensor.Name == "input.weight");
        return new([.. Vocabulary.FromAssets(run.ReadAsset).Words], (int)vectors.Shape[1], vectors.Values.ToArray());
    }
}
