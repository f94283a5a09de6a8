using Granary.Training.Tasks;

namespace Granary.Torch.Data.Texts;

/// <summary>Where a text lies: in one part, or in one each for training, validation and, if there is one, test.</summary>
internal sealed record TextFiles(DataPart Training, DataPart? Validation = null, DataPart? Test = null)
{
    private const string Train = "train", Valid = "valid", Tests = "test";
    private static readonly string[] packed = [".zip", ".gz"], plain = ["", ".txt", ".text", ".tokens", ".raw"];
    private static readonly string[] remarks = ["README", "LICENSE", "LICENCE", "COPYING", "NOTICE", "AUTHORS", "CITATION", "CHANGELOG", "MD5SUMS", "SHA256SUMS"];

    /// <summary>The files that are read.</summary>
    public IReadOnlyList<string> Paths => [.. new[] { Training, Validation, Test }.OfType<DataPart>().Select(part => part.Path).Distinct()];

    /// <param name="path">
    /// A text, a .gz of one; or a folder or a .zip with files named <c>train</c>, <c>valid</c> and perhaps <c>test</c> (<c>train.txt</c>,
    /// <c>wiki.train.tokens</c>), else with one text. Hidden files, and what people put beside a text, are ignored.
    /// </param>
    /// <exception cref="TrainingDataException">There is nothing of the kind, or more than one.</exception>
    public static TextFiles Find(string path)
    {
        if (File.Exists(path))
        {
            return DataPart.Members(path) is { } members ? Among(members, path) : new(new DataPart(path));
        }
        if (!Directory.Exists(path))
        {
            throw new TrainingDataException($"There is nothing at '{path}'. Give the path of a text, of a .zip or .gz file with one, or of a folder with one, as the silo sees it.");
        }
        return Among([.. Directory.GetFiles(path).Order(StringComparer.Ordinal).Select(file => new DataPart(file))], path) switch
        {
            { Validation: null, Training.Path: var only } => Find(only),
            var parts => new(Only(parts.Training), Only(parts.Validation!), parts.Test is { } test ? Only(test) : null),
        };
    }

    private static TextFiles Among(IReadOnlyList<DataPart> parts, string path)
    {
        var visible = parts.Where(IsVisible).ToList();
        var texts = visible.Where(IsText).ToList();
        texts = texts.Count > 0 ? texts : visible;
        DataPart? Part(string name) => One(texts.Where(part => NameOf(part).Split('.').Contains(name, StringComparer.OrdinalIgnoreCase)), $"'{path}'", $"the {name} text");
        var (training, validation, test) = (Part(Train), Part(Valid), Part(Tests));
        if (training is not null && validation is not null)
        {
            return new(training, validation, test);
        }
        if (training is not null || validation is not null)
        {
            var missing = training is null ? Train : Valid;
            throw new TrainingDataException($"'{path}' lacks a file named '{missing}', such as {missing}.txt or wiki.{missing}.tokens. Add it, or give the path of a single text.");
        }
        return new(One(texts, $"'{path}'", "the text")
            ?? throw new TrainingDataException($"'{path}' holds no text. Give the path of a text, of a .zip or .gz file with one, or of a folder with one."));
    }

    /// <summary>The part itself or, if it is an archive, the one text in it.</summary>
    private static DataPart Only(DataPart part) => Find(part.Path) is { Validation: null, Training: var only }
        ? only
        : throw new TrainingDataException($"{part} holds several texts where one is wanted. Take them out of the archive.");

    private static DataPart? One(IEnumerable<DataPart> candidates, string where, string what)
    {
        var found = candidates.ToList();
        return found.Count < 2 ? found.FirstOrDefault() : throw new TrainingDataException(
            $"{where} holds {found.Count} files that could be {what}: {string.Join(", ", found.Take(3).Select(NameOf))}{(found.Count > 3 ? ", ..." : "")}. Leave one there, or give the path of one.");
    }

    private static bool IsVisible(DataPart part)
    {
        var folders = part.Member?.Split('/', '\\') ?? [NameOf(part)];
        var name = NameOf(part);
        return !folders.Any(folder => folder.StartsWith('.') || folder == "__MACOSX")
            && !remarks.Contains(name.Split('.')[0], StringComparer.OrdinalIgnoreCase)
            && !WordSimilarity.FileNames.Contains(name);
    }

    private static bool IsText(DataPart part)
    {
        var name = NameOf(part);
        if (part.Member is null && packed.Contains(Path.GetExtension(name), StringComparer.OrdinalIgnoreCase))
        {
            name = Path.GetFileNameWithoutExtension(name); // the kind of titles.tsv.gz is .tsv
        }
        return plain.Contains(Path.GetExtension(name), StringComparer.OrdinalIgnoreCase);
    }

    private static string NameOf(DataPart part) => part.Member is null ? Path.GetFileName(part.Path) : part.Member.Split('/', '\\')[^1];
}
