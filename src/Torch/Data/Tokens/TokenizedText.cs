using System.Buffers;
using System.Text;
using System.Text.Unicode;
using Granary.Torch.Data.Texts;
using Granary.Training.Tasks;

namespace Granary.Torch.Data.Tokens;

/// <summary>
/// A text as tokens, in parts: files named for training, validation and test, or one text whose last tenth is held out. Or tokens
/// already, in <c>train.bin</c> and <c>val.bin</c> of 16 bits each, which may be larger than memory. Tokens are learned from the training
/// part alone. All replicas of a process share what is in memory.
/// </summary>
internal sealed class TokenizedText : IDataFormat
{
    private const string TrainBinary = "train.bin", ValidationBinary = "val.bin";
    private const int WordsMadeUp = 80_000, MostBytes = 1 << 30;

    private static readonly WeakCache<(TextFiles Files, string Stamps, TokenOptions Options), TokenizedText> loaded =
        new(key => Read(key.Files, key.Options.Learn));

    private static readonly WeakCache<(TokenOptions Options, string Stamp), TokenizedText> madeUp = new(key => MakeUp(key.Options.Learn));

    /// <summary>What its tokens are.</summary>
    public required Tokenizer Tokenizer { get; init; }

    /// <summary>The part to learn from. Whoever asks disposes it, if it is disposable; as for the other parts.</summary>
    public required Func<ITokens> Training { get; init; }

    /// <summary>The part that is held out, and looked at during training.</summary>
    public required Func<ITokens> Validation { get; init; }

    /// <summary>The part that is held out to the end. Default: there is none.</summary>
    public Func<ITokens>? Test { get; init; }

    /// <param name="path">See <see cref="FilesAt"/>; <see langword="null"/>: a made-up language.</param>
    /// <exception cref="TrainingDataException">The data are missing, damaged or no text.</exception>
    /// <exception cref="TaskSettingException">The options do not fit the data.</exception>
    public static TokenizedText Load(string? path, TokenOptions options)
    {
        if (path is null)
        {
            return madeUp.Get((options, options.Stamp));
        }
        return IsBinary(path)
            ? Open(path, options.Given ?? throw new TaskSettingException($"'{path}' holds tokens already, in {TrainBinary}: say which, with --set {options.HowGiven}."))
            : loaded.Get((TextFiles.Find(Path.GetFullPath(path)), FileStamps.Of(FilesAt(path)) + options.Stamp, options));
    }

    /// <summary>A text in the tokens of a model that is trained already.</summary>
    /// <exception cref="TrainingDataException">The data are missing, damaged or no text.</exception>
    public static TokenizedText Load(string? path, Tokenizer known) => path is null ? MakeUp(_ => known)
        : IsBinary(path) ? Open(path, known)
        : Read(TextFiles.Find(Path.GetFullPath(path)), _ => known);

    /// <summary>Those of <see cref="TextFiles.Find"/>, or a folder's <c>train.bin</c> and <c>val.bin</c>.</summary>
    public static IReadOnlyList<string> FilesAt(string path) => IsBinary(path)
        ? [Path.Combine(path, TrainBinary), Path.Combine(path, ValidationBinary)]
        : TextFiles.Find(Path.GetFullPath(path)).Paths;

    /// <summary>Whether there is a part for the test. Data that are gone have none.</summary>
    public static bool HasTest(string? path)
    {
        try
        {
            return path is not null && !IsBinary(path) && TextFiles.Find(Path.GetFullPath(path)).Test is not null;
        }
        catch (TrainingDataException)
        {
            return false;
        }
    }

    private static bool IsBinary(string path) => File.Exists(Path.Combine(path, TrainBinary));

    private static TokenizedText Open(string path, Tokenizer tokenizer)
    {
        TokenFile Part(string name) => new(Path.Combine(path, name), bytesPerToken: 2, tokenizer.Count);
        return new() { Tokenizer = tokenizer, Training = () => Part(TrainBinary), Validation = () => Part(ValidationBinary) };
    }

    private static TokenizedText Read(TextFiles files, Func<string, Tokenizer> learn)
    {
        var text = ReadText(files.Training);
        if (files.Validation is null)
        {
            return Split(text, learn);
        }
        var tokenizer = learn(text);
        Func<ITokens> Part(string part) => InMemory(tokenizer, part);
        return new() { Tokenizer = tokenizer, Training = Part(text), Validation = Part(ReadText(files.Validation)), Test = files.Test is { } test ? Part(ReadText(test)) : null };
    }

    private static TokenizedText MakeUp(Func<string, Tokenizer> learn) => Split(MadeUpLanguage.BuiltIn.WriteText(WordsMadeUp), learn);

    private static TokenizedText Split(string text, Func<string, Tokenizer> learn)
    {
        var training = (int)(text.Length * 9L / 10);
        training -= training > 0 && char.IsHighSurrogate(text[training - 1]) ? 1 : 0;
        var tokenizer = learn(text[..training]);
        return new() { Tokenizer = tokenizer, Training = InMemory(tokenizer, text[..training]), Validation = InMemory(tokenizer, text[training..]) };
    }

    private static Func<ITokens> InMemory(Tokenizer tokenizer, string text)
    {
        var tokens = new TokensInMemory(tokenizer.Encode(text));
        return () => tokens;
    }

    private static string ReadText(DataPart part) => part.Read((stream, _) =>
    {
        using var bytes = new MemoryStream();
        var block = new byte[1 << 20];
        for (var read = stream.Read(block); read > 0; read = stream.Read(block))
        {
            bytes.Write(block, 0, read);
            if (bytes.Length > MostBytes)
            {
                throw new TrainingDataException($"{part} has more than {MostBytes} bytes, too many for memory. Give its tokens in a folder with {TrainBinary} and {ValidationBinary}, 16 bits each.");
            }
        }
        ReadOnlySpan<byte> text = bytes.GetBuffer().AsSpan(0, (int)bytes.Length);
        text = text.StartsWith(Encoding.UTF8.Preamble) ? text[Encoding.UTF8.Preamble.Length..] : text;
        return text.Length == 0 ? throw new TrainingDataException($"{part} is empty. Give a text.")
            : Utf8.IsValid(text) ? Encoding.UTF8.GetString(text)
            : throw NotUtf8(text, part);
    });

    private static TrainingDataException NotUtf8(ReadOnlySpan<byte> text, DataPart part)
    {
        var (valid, line) = (0, 1);
        while (Rune.DecodeFromUtf8(text[valid..], out var character, out var length) == OperationStatus.Done)
        {
            valid += length;
            line += character.Value == '\n' ? 1 : 0;
        }
        return new($"{part} is not UTF-8: line {line} has the byte 0x{text[valid]:X2} where none can be. Convert it, for instance with: iconv -f LATIN1 -t UTF-8");
    }
}
