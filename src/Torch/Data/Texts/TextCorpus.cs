using Granary.Training.Tasks;

namespace Granary.Torch.Data.Texts;

/// <summary>How a text becomes a corpus.</summary>
public sealed record CorpusOptions
{
    /// <summary>Use at most this many words for training, from the start of the text. Default: 0, all.</summary>
    public int TrainingWords { get; init; }

    /// <summary>
    /// How many of the words after the training words are kept for validation, and as many again for the test; each at most a
    /// tenth of the text. Files named for these purposes are used whole. Default: 100,000.
    /// </summary>
    public int HeldOutWords { get; init; } = 100_000;

    /// <summary>Most words in the vocabulary, the unknown word included. Default: 0, any number.</summary>
    public int VocabularySize { get; init; }

    /// <summary>Words that occur less often in the training text are unknown. Default: 1.</summary>
    public int MinCount { get; init; } = 1;

    /// <summary>Whether unknown words become <see cref="Vocabulary.Unknown"/>; else they are left out. Default: yes.</summary>
    public bool Unknown { get; init; } = true;

    /// <summary>Passes over the training text that join pairs of words, see <see cref="Phrases"/>. Default: none.</summary>
    public int PhrasePasses { get; init; }

    /// <summary>How many times as often as by chance a pair must stand in the text to be joined. Default: 100.</summary>
    public double PhraseThreshold { get; init; } = 100;

    /// <summary>So many occurrences of a pair do not count, lest rare words be joined. Default: 5.</summary>
    public int PhraseDiscount { get; init; } = 5;
}

/// <summary>
/// A text as numbers of words, in three parts. The vocabulary comes from the training part alone, unless a model brings its
/// own; the end of a line is the word <see cref="Vocabulary.LineEnd"/>. Immutable by agreement: all replicas of a process
/// share the arrays.
/// </summary>
public sealed class TextCorpus : IDataFormat
{
    private static readonly WeakCache<(TextFiles Files, string Stamps, CorpusOptions Options), TextCorpus> loaded =
        new(key => Read(key.Files, key.Options, known: null));

    private static readonly WeakCache<CorpusOptions, TextCorpus> madeUp = new(options => MakeUp(options, known: null));

    private TextCorpus(IReadOnlyList<string> words, int[] training, int[] validation, int[] test, CorpusOptions options, Known? known)
    {
        if (options.PhrasePasses > 0)
        {
            Phrases = known?.Phrases ?? Phrases.Find(words, training, options);
            (words, var texts) = Phrases.Join(words, training, validation, test);
            (training, validation, test) = (texts[0], texts[1], texts[2]);
        }
        Vocabulary = known?.Vocabulary ?? Vocabulary.Of(words, training, options.VocabularySize, options.MinCount, options.Unknown);
        Training = Vocabulary.Encode(words, training);
        Validation = Vocabulary.Encode(words, validation);
        Test = Vocabulary.Encode(words, test);
    }

    /// <summary>The words, by number.</summary>
    public Vocabulary Vocabulary { get; }

    /// <summary>The pairs of words that were joined; <see langword="null"/>: none was to be.</summary>
    public Phrases? Phrases { get; }

    /// <summary>The part to learn from.</summary>
    public int[] Training { get; }

    /// <summary>The part that is held out, and looked at during training.</summary>
    public int[] Validation { get; }

    /// <summary>The part that is held out to the end; there may be none.</summary>
    public int[] Test { get; }

    /// <param name="path">See <see cref="TextFiles.Find"/>; <see langword="null"/>: a made-up language.</param>
    /// <exception cref="TrainingDataException">The data are missing, damaged or no text.</exception>
    public static TextCorpus Load(string? path, CorpusOptions options)
    {
        if (path is null)
        {
            return madeUp.Get(options);
        }
        var files = TextFiles.Find(Path.GetFullPath(path));
        return loaded.Get((files, FileStamps.Of(files.Paths), options));
    }

    /// <summary>A text in the words of a model that is trained already, split as for training.</summary>
    /// <param name="known">Other words are unknown, however frequent they are.</param>
    /// <param name="phrases">The pairs that are joined; <see langword="null"/>: those found in this text, if options ask for some.</param>
    /// <exception cref="TrainingDataException">The data are missing, damaged, no text, or have no word of the vocabulary.</exception>
    public static TextCorpus Load(string? path, CorpusOptions options, Vocabulary known, Phrases? phrases = null)
    {
        var model = new Known(known, phrases);
        var corpus = path is null ? MakeUp(options, model) : Read(TextFiles.Find(Path.GetFullPath(path)), options, model);
        return corpus.Training.Length > 0
            ? corpus
            : throw new TrainingDataException($"'{path}' has none of the {known.Count} words that the model knows. Give a text of the kind that it was trained on.");
    }

    /// <summary>The files that <see cref="Load(string?, CorpusOptions)"/> reads.</summary>
    /// <exception cref="TrainingDataException"/>
    public static IReadOnlyList<string> FilesAt(string path) => TextFiles.Find(Path.GetFullPath(path)).Paths;

    /// <summary>Whether there is a part for the test: that of one text is cut from it. Data that are gone have none.</summary>
    public static bool HasTest(string? path)
    {
        try
        {
            return path is null || TextFiles.Find(Path.GetFullPath(path)) is { Validation: null } or { Test: not null };
        }
        catch (TrainingDataException)
        {
            return false;
        }
    }

    private static TextCorpus MakeUp(CorpusOptions options, Known? known) =>
        Split(MadeUpLanguage.BuiltIn.Words, MadeUpLanguage.BuiltIn.Write(MadeUpLanguage.BuiltInText), options, known);

    private static TextCorpus Read(TextFiles files, CorpusOptions options, Known? known)
    {
        var reader = new WordReader();
        int[] Read(DataPart part, int limit) => part.Read((text, _) => reader.Read(text, part, limit));

        var limit = options.TrainingWords > 0 ? options.TrainingWords : int.MaxValue;
        if (files.Validation is null)
        {
            var text = Read(files.Training, (int)Math.Min(int.MaxValue, limit + 2L * options.HeldOutWords));
            return Split(reader.Words, text, options, known);
        }
        var training = Read(files.Training, limit);
        var validation = Read(files.Validation, int.MaxValue);
        var test = files.Test is { } rest ? Read(rest, int.MaxValue) : [];
        return new(reader.Words, training, validation, test, options, known);
    }

    private static TextCorpus Split(IReadOnlyList<string> words, int[] text, CorpusOptions options, Known? known)
    {
        var heldOut = Math.Min(options.HeldOutWords, text.Length / 10);
        var limit = options.TrainingWords > 0 ? options.TrainingWords : int.MaxValue;
        var training = Math.Min(limit, text.Length - 2 * heldOut);
        return new(words, text[..training], text[training..(training + heldOut)], text[(training + heldOut)..(training + 2 * heldOut)], options, known);
    }

    /// <summary>What a model that is trained already brings.</summary>
    private sealed record Known(Vocabulary Vocabulary, Phrases? Phrases);
}
