using System.Buffers.Binary;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;

namespace Granary.Models.Tests.Fuzzing;

/// <summary>What befalls a file: a place in it, how much of it, and what with.</summary>
internal sealed record Mutation(int Kind, double Place, double Part, int With)
{
    private const int Kinds = 8;

    private static readonly JsonSerializerOptions asWritten = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly string[] words =
    [
        "null", "-1", "0", "1e999", "9223372036854775807", "-9223372036854775808", "2147483648", "NaN", "\"\"", "{", "}", "[", "]", "[[[[[[[[", ",", ":",
        "\"\\ud800\"", "\"a\":null,", "..", "/dev/zero", "\n", "\n\n\n\n", "\t", " ", "\r\n", "\0", "\u001b[2J", "\uFEFF", "PK\u0003\u0004",
    ];

    private static readonly string[] values =
    [
        "null", "-1", "0", "1", "0.5", "1e308", "2147483648", "9223372036854775807", "\"NaN\"", "\"\"", "\"..\"", "\"/dev/zero\"", "\"\\u001B[2J\"", "true", "[]", "{}", "[null]", "{\"a\":null}",
    ];

    public static Gen<Mutation[]> Some { get; } =
        Gen.Select(Gen.Int[0, Kinds - 1], Gen.Double.Unit, Gen.Double.Unit, Gen.Int.NonNegative).Select((kind, place, part, with) => new Mutation(kind, place, part * part * part, with)).Array[0, 6];

    public byte[] Of(byte[] file)
    {
        var at = (int)(Place * file.Length);
        var length = (int)(Part * (file.Length - at));
        return Kind switch
        {
            0 => [.. file[..at], (byte)With, .. file[Math.Min(file.Length, at + 1)..]],
            1 => file[..at],
            2 => [.. file[..at], .. file[(at + length)..]],
            3 => [.. file[..(at + length)], .. file[at..]],
            4 => [.. file[..at], .. Encoding.UTF8.GetBytes(words[With % words.Length]), .. file[at..]],
            5 => [.. file, .. new byte[With % 10_000]],
            6 => With < 1 << 28 ? [.. file, .. file] : file,
            _ => Overwritten(file, at, With % 3 - 1L << With % 64),
        };
    }

    /// <summary>Another value in one place of a text in JSON.</summary>
    public string Of(string text)
    {
        var root = JsonNode.Parse(text)!;
        var nodes = Below(root).ToList();
        var node = nodes[(int)(Place * nodes.Count)];
        var value = JsonNode.Parse(values[With % values.Length]);
        if (Kind % 4 == 0 && node.Parent is JsonObject parent)
        {
            parent.Remove(node.GetPropertyName());
        }
        else if (Kind % 4 == 1 && node is JsonObject to)
        {
            to[values[With / 64 % values.Length]] = value;
        }
        else if (node != root)
        {
            node.ReplaceWith(value);
        }
        return root.ToJsonString(asWritten);
    }

    private static byte[] Overwritten(byte[] file, int at, long value)
    {
        var bytes = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        return [.. file[..at], .. bytes, .. file[Math.Min(file.Length, at + bytes.Length)..]];
    }

    private static IEnumerable<JsonNode> Below(JsonNode node) => (node switch
    {
        JsonObject inner => inner.Select(entry => entry.Value),
        JsonArray list => list,
        _ => [],
    }).OfType<JsonNode>().SelectMany(Below).Prepend(node);
}
