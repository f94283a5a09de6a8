using System.Text;
using OpenTelemetry;
using OpenTelemetry.Logs;

namespace Granary.Silo.Telemetry;

/// <summary>A log's fields have the names that spans and metrics have: <c>run.id</c>, not <c>RunId</c>.</summary>
internal sealed class FieldNames : BaseProcessor<LogRecord>
{
    public const string Template = "{OriginalFormat}";

    public override void OnEnd(LogRecord record) =>
        record.Attributes = record.Attributes?.Select(field => field.Key == Template ? field : new(Of(field.Key), field.Value)).ToList();

    /// <summary>Of what stands in a message for a value.</summary>
    public static string Of(string placeholder)
    {
        var name = new StringBuilder(placeholder.Length + 4);
        for (var at = 0; at < placeholder.Length; at++)
        {
            if (at > 0 && char.IsUpper(placeholder[at]) && !char.IsUpper(placeholder[at - 1]))
            {
                name.Append('.');
            }
            name.Append(char.ToLowerInvariant(placeholder[at]));
        }
        return name.ToString();
    }
}
