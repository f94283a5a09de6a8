using System.Text;

namespace Granary.Client.Views;

/// <summary>A curve in characters, for terminals and files alike.</summary>
internal static class CurvePlot
{
    /// <param name="points">By ascending x.</param>
    /// <param name="width">Columns of the plot, without the scale on its left.</param>
    public static string Draw(IReadOnlyList<(double X, double Y)> points, int width, int height)
    {
        double left = points[0].X, right = points[^1].X;
        var columns = points.GroupBy(point => (int)Math.Min(width - 1, (point.X - left) / Math.Max(right - left, double.Epsilon) * width))
            .ToDictionary(column => column.Key, column => column.Average(point => point.Y));
        double low = columns.Values.Min(), high = columns.Values.Max(), range = Math.Max(high - low, 1e-12);
        var plot = new StringBuilder();
        for (var row = height - 1; row >= 0; row--)
        {
            var scale = row == height - 1 ? $"{high:G4}" : row == 0 ? $"{low:G4}" : "";
            var line = Enumerable.Range(0, width).Select(column => columns.TryGetValue(column, out var y) && (int)Math.Round((y - low) / range * (height - 1)) == row ? '*' : ' ');
            plot.AppendLine($"{scale,10} |{string.Concat(line)}".TrimEnd());
        }
        plot.Append(new string(' ', 11)).Append('+').AppendLine(new string('-', width));
        plot.Append($"{left:N0}".PadLeft(13)).Append($"{right:N0}".PadLeft(width - 1));
        return plot.ToString();
    }
}
