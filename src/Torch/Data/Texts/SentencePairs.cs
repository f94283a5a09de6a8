using Granary.Training.Tasks;

namespace Granary.Torch.Data.Texts;

/// <summary>How pairs of sentences are read.</summary>
public sealed record PairOptions
{
    /// <summary>The column to translate from, counted from 1. Default: 1.</summary>
    public int Source { get; init; } = 1;

    /// <summary>The column to translate into. Default: 2.</summary>
    public int Target { get; init; } = 2;

    /// <summary>How the source is cut into words. Default: <see langword="null"/>, as suits most of its letters.</summary>
    public Wording? SourceWording { get; init; }

    /// <summary>How the target is cut into words. Default: <see langword="null"/>, as suits most of its letters.</summary>
    public Wording? TargetWording { get; init; }

    /// <summary>Words that occur less often in the training pairs are unknown. Default: 2.</summary>
    public int MinCount { get; init; } = 2;

    /// <summary>Training pairs with more words on either side are left out. Default: 50.</summary>
    public int Longest { get; init; } = 50;
}

/// <summary>A sentence and its translation, as numbers of words.</summary>
/// <param name="Translation">As it was written.</param>
public sealed record SentencePair(int[] Source, int[] Target, string Translation);

/// <summary>
/// Sentences and their translations. A file has a pair a line, in columns with tabs between them; a folder has <c>train.txt</c> and perhaps
/// <c>dev.txt</c> (or <c>valid.txt</c>) and <c>test.txt</c>. Without what is held out, every tenth training pair is. Immutable by agreement: all
/// replicas of a process share it.
/// </summary>
public sealed class SentencePairs : IDataFormat
{
    private const int HeldOutPart = 10;
    private const string SourceName = "source", TargetName = "target";
    private static readonly WeakCache<(PairFiles Files, string Stamps, PairOptions Options), SentencePairs> loaded = new(key => Read(key.Files, key.Options, null));
    private static readonly WeakCache<PairOptions, SentencePairs> madeUp = new(options => new(MadeUpPairs.Write(), null, null, options, null));

    private SentencePairs(
        IReadOnlyList<(string Source, string Target)> training, IReadOnlyList<(string Source, string Target)>? heldOut, IReadOnlyList<(string Source, string Target)>? test,
        PairOptions options, (SentenceLanguage Source, SentenceLanguage Target)? known)
    {
        if (heldOut is null)
        {
            heldOut = [.. training.Where((_, number) => number % HeldOutPart == HeldOutPart - 1)];
            training = [.. training.Where((_, number) => number % HeldOutPart != HeldOutPart - 1)];
        }
        (Source, Target) = known ?? (
            SentenceLanguage.Of([.. training.Select(pair => pair.Source)], options.SourceWording, options.MinCount, SourceName),
            SentenceLanguage.Of([.. training.Select(pair => pair.Target)], options.TargetWording, options.MinCount, TargetName));
        SentencePair[] Encode(IEnumerable<(string Source, string Target)> pairs) => [.. pairs.Select(pair => new SentencePair(Source.Encode(pair.Source), Target.Encode(pair.Target), pair.Target))];
        Training = [.. Encode(training).Where(pair => Math.Max(pair.Source.Length, pair.Target.Length) <= options.Longest)];
        HeldOut = Encode(heldOut);
        Test = test is null ? null : Encode(test);
        if (Training.Count == 0)
        {
            throw new TrainingDataException($"None of the {training.Count} training pairs has {options.Longest} words or fewer on both sides. Give others, or a larger 'longest'.");
        }
    }

    /// <summary>The language that is translated.</summary>
    public SentenceLanguage Source { get; }

    /// <summary>The language of the translations.</summary>
    public SentenceLanguage Target { get; }

    /// <summary>Pairs to learn from.</summary>
    public IReadOnlyList<SentencePair> Training { get; }

    /// <summary>Pairs that are held out, and looked at during training.</summary>
    public IReadOnlyList<SentencePair> HeldOut { get; }

    /// <summary>Pairs that are held out to the end; <see langword="null"/>: there are none.</summary>
    public IReadOnlyList<SentencePair>? Test { get; }

    /// <param name="path">Of a file or a folder; <see langword="null"/>: sentences of a made-up language, translated into another.</param>
    /// <exception cref="TrainingDataException">The data are missing, damaged, or lack a column.</exception>
    public static SentencePairs Load(string? path, PairOptions options)
    {
        if (path is null)
        {
            return madeUp.Get(options);
        }
        var files = PairFiles.Find(Path.GetFullPath(path));
        return loaded.Get((files, FileStamps.Of(files.Paths), options));
    }

    /// <summary>Pairs in the words of a model that is trained already.</summary>
    /// <inheritdoc cref="Load(string?, PairOptions)"/>
    public static SentencePairs Load(string? path, PairOptions options, SentenceLanguage source, SentenceLanguage target) => path is null
        ? new(MadeUpPairs.Write(), null, null, options, (source, target))
        : Read(PairFiles.Find(Path.GetFullPath(path)), options, (source, target));

    /// <summary>Whether <see cref="Test"/> is there, without reading it.</summary>
    public static bool HasTest(string path)
    {
        try
        {
            return Directory.Exists(path) && PairFiles.Find(Path.GetFullPath(path)).Test is not null;
        }
        catch (TrainingDataException)
        {
            return false; // gone, or not what they were: an evaluation says so
        }
    }

    /// <inheritdoc/>
    public static IReadOnlyList<string> FilesAt(string path) => PairFiles.Find(Path.GetFullPath(path)).Paths;

    private static SentencePairs Read(PairFiles files, PairOptions options, (SentenceLanguage Source, SentenceLanguage Target)? known)
    {
        IReadOnlyList<(string, string)>? Pairs(string? path) => path is null ? null : PairFiles.Read(path, options.Source, options.Target);
        var (training, heldOut) = (Pairs(files.Training)!, Pairs(files.HeldOut));
        return heldOut is not null || training.Count >= HeldOutPart ? new(training, heldOut, Pairs(files.Test), options, known) : throw new TrainingDataException(
            $"'{files.Training}' has {training.Count} pairs of sentences, of which every tenth is to be held out: {HeldOutPart} at least are needed, or a folder with a dev.txt beside train.txt.");
    }
}
