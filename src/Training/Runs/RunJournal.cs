using System.Text.Json;
using Granary.Training.Files;
using Granary.Training.Wording;

namespace Granary.Training.Runs;

/// <summary>What has happened to a run, a line of JSON each, in <c>events.jsonl</c> of its directory. For people: nothing that trains reads it.</summary>
public static class RunJournal
{
    /// <summary>Its name within a run directory.</summary>
    public const string FileName = "events.jsonl";

    /// <summary>A file that has grown longer loses its older half.</summary>
    internal const int Largest = 1 << 20;
    private static readonly JsonSerializerOptions json = new(JsonSerializerDefaults.Web) { RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true };

    /// <summary>Adds to the journal. One process at a time does so.</summary>
    /// <exception cref="IOException">The disk does not take it.</exception>
    public static void Append(string runDirectory, IEnumerable<JournalEntry> entries)
    {
        var path = Path.Combine(runDirectory, FileName);
        if (File.Exists(path) && new FileInfo(path).Length > Largest)
        {
            var kept = path + ".partial";
            File.WriteAllLines(kept, FileEnd.Lines(path, Largest / 2).Where(line => EntryOf(line) is not null));
            File.Move(kept, path, overwrite: true);
        }
        var lines = string.Concat(entries.Select(entry => JsonSerializer.Serialize(entry with { Message = Shown.Line(Shown.OneLine(entry.Message)) }, json) + "\n"));
        using var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite);
        using var text = new StreamWriter(file);
        text.Write(EndsWithinALine(file) ? "\n" + lines : lines);
    }

    /// <summary>The entries after the one of that id, oldest first; lines that are none are passed over.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IReadOnlyList<JournalEntry> Read(string runDirectory, long after = 0) => [.. Entries(runDirectory, 2 * Largest).Where(entry => entry.Id > after)];

    /// <summary>The newest entry; <see langword="null"/>: there is none.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static JournalEntry? Last(string runDirectory) => Entries(runDirectory, 1 << 13).LastOrDefault();

    private static IEnumerable<JournalEntry> Entries(string runDirectory, int bytes)
    {
        var path = Path.Combine(runDirectory, FileName);
        return Path.Exists(path) ? FileEnd.Lines(path, bytes).Select(EntryOf).OfType<JournalEntry>() : [];
    }

    /// <summary>A kill has cut the last line off. Leaves the file at its end.</summary>
    private static bool EndsWithinALine(FileStream file)
    {
        if (file.Length == 0)
        {
            return false;
        }
        file.Seek(-1, SeekOrigin.End);
        return file.ReadByte() != '\n';
    }

    private static JournalEntry? EntryOf(string line)
    {
        try
        {
            return line.Length == 0 ? null : JsonSerializer.Deserialize<JournalEntry>(line, json);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>Something that happened to a run.</summary>
/// <param name="Id">Grows from entry to entry.</param>
/// <param name="Step">Steps committed by then.</param>
/// <param name="State">Of the run, in small letters, such as <c>running</c>.</param>
/// <param name="Kind">What it is about: <c>round</c>, <c>lost</c>, <c>joined</c>, <c>checkpoint</c>, <c>state</c> or <c>remark</c>.</param>
/// <param name="Message">In a sentence.</param>
public sealed record JournalEntry(long Id, DateTimeOffset Time, long Step, string State, string Kind, string Message);
