namespace Granary.Bench.Measurement;

/// <summary>A Markdown table whose columns line up, for the terminal and for documents.</summary>
internal sealed class TextTable(params string[] head)
{
    private readonly List<string[]> rows = [];

    public void Add(params string[] cells) => rows.Add(cells);

    public override string ToString()
    {
        var widths = head.Select((title, column) => rows.Select(row => row[column].Length).Append(title.Length).Max()).ToArray();
        string Line(string[] cells) => $"| {string.Join(" | ", cells.Select((cell, column) => column == 0 ? cell.PadRight(widths[0]) : cell.PadLeft(widths[column])))} |";
        string rule = $"|{string.Join("|", widths.Select((width, column) => column == 0 ? new string('-', width + 2) : new string('-', width + 1) + ":"))}|";
        return string.Join('\n', rows.Select(Line).Prepend(rule).Prepend(Line(head)));
    }

    /// <summary>Four significant digits, or all before the point.</summary>
    public static string Number(double value) => value switch
    {
        >= 1000 => value.ToString("N0"),
        >= 100 => value.ToString("F1"),
        >= 10 => value.ToString("F2"),
        _ => value.ToString("G4"),
    };
}
