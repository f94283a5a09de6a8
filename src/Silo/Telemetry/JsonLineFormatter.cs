using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Granary.Silo.Telemetry;

/// <summary>An event of the log as one line of JSON: what every event has, then its own fields.</summary>
internal sealed class JsonLineFormatter(string node, TimeProvider time) : ConsoleFormatter(Name)
{
    public new const string Name = "granary-json";
    private static readonly JsonWriterOptions readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public override void Write<TState>(in LogEntry<TState> entry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var line = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(line, readable))
        {
            var told = new HashSet<string>();
            json.WriteStartObject();
            Add("time", time.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture));
            Add("level", entry.LogLevel.ToString().ToLowerInvariant());
            Add("category", entry.Category);
            Add("message", entry.Formatter(entry.State, entry.Exception));
            Add("node", node);
            if (entry.Exception is not null)
            {
                Add("exception", entry.Exception.ToString());
            }
            if (Activity.Current is { IdFormat: ActivityIdFormat.W3C, Recorded: true } span)
            {
                Add("trace_id", span.TraceId.ToHexString());
                Add("span_id", span.SpanId.ToHexString());
            }
            foreach (var (placeholder, value) in entry.State as IEnumerable<KeyValuePair<string, object?>> ?? [])
            {
                // A field of a message may have a name that every event has: its value is in the message.
                if (placeholder != FieldNames.Template)
                {
                    Add(FieldNames.Of(placeholder), value);
                }
            }
            json.WriteEndObject();

            void Add(string name, object? value)
            {
                if (told.Add(name))
                {
                    json.WritePropertyName(name);
                    WriteValue(json, value);
                }
            }
        }
        textWriter.WriteLine(Encoding.UTF8.GetString(line.WrittenSpan));
    }

    private static void WriteValue(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null:
                json.WriteNullValue();
                break;
            case bool truth:
                json.WriteBooleanValue(truth);
                break;
            case sbyte or byte or short or ushort or int or uint or long:
                json.WriteNumberValue(Convert.ToInt64(value, CultureInfo.InvariantCulture));
                break;
            case float or double when double.IsFinite(Convert.ToDouble(value, CultureInfo.InvariantCulture)):
                json.WriteNumberValue(Convert.ToDouble(value, CultureInfo.InvariantCulture));
                break;
            case TimeSpan span:
                json.WriteNumberValue(span.TotalSeconds);
                break;
            default:
                json.WriteStringValue(Convert.ToString(value, CultureInfo.InvariantCulture));
                break;
        }
    }
}
