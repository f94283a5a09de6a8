using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Granary.Training.Files;
using Granary.Training.Tasks;

namespace Granary.Torch.Data.Texts;

/// <summary>A text as it lies in a file, with its label.</summary>
/// <param name="Line">From 1; 0: the text is the whole file.</param>
internal readonly record struct LabelledRow(string Text, string Label, string Path, int Line)
{
    /// <summary>As messages begin.</summary>
    public string Where => Line > 0 ? $"Line {Line} of '{Path}'" : $"'{Path}'";
}

/// <summary>A file of texts with labels: a table (.tsv), objects (.jsonl), or texts of one class.</summary>
/// <param name="Label">That of all its texts; <see langword="null"/>: each has its own.</param>
/// <param name="IsOneText">Whether the whole file is a text; else every line of a class is.</param>
internal sealed record LabelledFile(string Path, string? Label = null, bool IsOneText = false)
{
    private const int LongestLine = 1 << 20, LongestFile = 1 << 28;
    private const string LabelName = "label";
    private static readonly UTF8Encoding strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private static readonly string[] textNames = ["sentence", "text", "review"];

    private bool IsTable => System.IO.Path.GetExtension(Path).Equals(".tsv", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether it tells labels: the test of a benchmark may keep them secret.</summary>
    public bool HasLabels => Label is not null || !IsTable || TextLines.Read(Path, LongestLine).FirstOrDefault().Line?.Split('\t') is not { } head
        || !head.Any(IsTextName) || head.Any(IsLabelName);

    /// <summary>Its texts, one after another.</summary>
    /// <exception cref="TrainingDataException">It cannot be read, or has another form; the message names line and column.</exception>
    public IEnumerable<LabelledRow> Rows() => (Label, IsOneText) switch
    {
        (null, _) => IsTable ? TableRows() : ObjectRows(),
        (_, true) => [new(ReadWhole(orLatin1: false).Replace("<br />", " ", StringComparison.Ordinal), Label, Path, 0)], // as IMDb writes the end of a line
        // The original of these two files, rt-polarity.pos and .neg, is in Latin-1.
        _ => ReadWhole(orLatin1: true).Split('\n').Index().Where(line => !string.IsNullOrWhiteSpace(line.Item)).Select(line => new LabelledRow(line.Item, Label, Path, line.Index + 1)),
    };

    private IEnumerable<LabelledRow> TableRows()
    {
        var (text, label, columns) = (0, 1, 2);
        foreach (var (number, line) in Lines())
        {
            var cells = line.Split('\t');
            if (number == 1 && cells.Any(IsLabelName))
            {
                (text, label, columns) = (Array.FindIndex(cells, IsTextName), Array.FindIndex(cells, IsLabelName), cells.Length);
                if (text < 0)
                {
                    throw new TrainingDataException($"Line 1 of '{Path}' names the columns {string.Join(", ", cells)}, and none is the text. Call it {string.Join(" or ", textNames)}.");
                }
                continue;
            }
            if (cells.Length != columns)
            {
                throw new TrainingDataException($"Line {number} of '{Path}' has {cells.Length} columns, not {columns}. A line is a text, a tab and a label, or has the columns that the first line names.");
            }
            foreach (var (what, column) in new[] { ("text", text), ("label", label) })
            {
                if (string.IsNullOrWhiteSpace(cells[column]))
                {
                    throw new TrainingDataException($"Line {number} of '{Path}' has no {what} in column {column + 1}.");
                }
            }
            yield return new(cells[text], cells[label].Trim(), Path, number);
        }
    }

    private IEnumerable<LabelledRow> ObjectRows()
    {
        foreach (var (number, line) in Lines())
        {
            yield return ReadObject(number, line);
        }
    }

    private LabelledRow ReadObject(int number, string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            JsonElement? Field(Func<string, bool> isIt) => json.RootElement.ValueKind != JsonValueKind.Object ? null
                : json.RootElement.EnumerateObject().Where(field => isIt(field.Name)).Select(field => (JsonElement?)field.Value).FirstOrDefault();
            var label = Field(IsLabelName) switch
            {
                { ValueKind: JsonValueKind.String } word => word.GetString()!.Trim(),
                { ValueKind: JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False } value => value.GetRawText(),
                _ => "",
            };
            return Field(IsTextName) is { ValueKind: JsonValueKind.String } text && label.Length > 0 && !label.Contains('\n')
                ? new(text.GetString()!, label, Path, number)
                : throw new TrainingDataException($"Line {number} of '{Path}' is no object with a text ({string.Join(" or ", textNames)}) and a {LabelName}, a word or a number.");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new TrainingDataException($"Line {number} of '{Path}' is not JSON: {error.Message}", error);
        }
    }

    private IEnumerable<(int Number, string Line)> Lines() => TextLines.Read(Path, LongestLine, trimmed: false).Where(line => !string.IsNullOrWhiteSpace(line.Line)); // a column may be empty

    private string ReadWhole(bool orLatin1)
    {
        try
        {
            using var file = RegularFile.Open(Path);
            if (file.Length > LongestFile)
            {
                throw new TrainingDataException($"'{Path}' has {file.Length} bytes, too many for texts of one class. Is it the right file?");
            }
            var all = new byte[file.Length];
            file.ReadExactly(all);
            var bytes = all.AsSpan(all.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? Encoding.UTF8.Preamble.Length : 0);
            return (orLatin1 && !Utf8.IsValid(bytes) ? Encoding.Latin1 : strict).GetString(bytes);
        }
        catch (DecoderFallbackException error)
        {
            throw new TrainingDataException($"'{Path}' is not UTF-8. Convert it, for instance with: iconv -f LATIN1 -t UTF-8", error);
        }
        catch (Exception error) when (error.IsStorageFault())
        {
            throw new TrainingDataException($"'{Path}' cannot be read: {error.Message}", error);
        }
    }

    private static bool IsLabelName(string name) => name.Trim().Equals(LabelName, StringComparison.OrdinalIgnoreCase);

    private static bool IsTextName(string name) => textNames.Contains(name.Trim(), StringComparer.OrdinalIgnoreCase);
}
