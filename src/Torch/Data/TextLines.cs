using System.Text;
using Granary.Training.Files;
using Granary.Training.Tasks;

namespace Granary.Torch.Data;

/// <summary>Small texts by lines.</summary>
internal static class TextLines
{
    // With its own mark, which may begin a text: a reader that finds one by itself goes on with an encoding that is not strict.
    private static readonly UTF8Encoding strict = new(encoderShouldEmitUTF8Identifier: true, throwOnInvalidBytes: true);

    private static readonly char[] blanks = [' ', '\t', '\r'];

    /// <summary>The lines with their numbers from 1, without blanks and tabs around them, one after another.</summary>
    /// <param name="trimmed">Else a line keeps what is around it, but for its end. Default: yes.</param>
    /// <exception cref="TrainingDataException">The file cannot be read, is not UTF-8, or has a line that is longer than any should be.</exception>
    public static IEnumerable<(int Number, string Line)> Read(string path, int longest, bool trimmed = true)
    {
        using var lines = Lines(path, longest).GetEnumerator();
        for (var number = 1; Next(lines, path, number); number++)
        {
            yield return lines.Current.Length <= longest ? (number, trimmed ? lines.Current.Trim(blanks) : lines.Current) : throw new TrainingDataException(
                $"Line {number} of '{path}' is longer than {longest} characters. Is it the right file?");
        }
    }

    private static IEnumerable<string> Lines(string path, int longest)
    {
        using var text = new StreamReader(RegularFile.Open(path), strict);
        foreach (var line in BoundedLines.Read(text, longest))
        {
            yield return line;
        }
    }

    private static bool Next(IEnumerator<string> lines, string path, int number)
    {
        try
        {
            return lines.MoveNext();
        }
        catch (DecoderFallbackException error)
        {
            throw new TrainingDataException($"'{path}' is not UTF-8, in line {number} or soon after it. Convert it, for instance with: iconv -f LATIN1 -t UTF-8", error);
        }
        catch (Exception error) when (error.IsStorageFault())
        {
            throw new TrainingDataException($"'{path}' cannot be read: {error.Message}", error);
        }
    }
}
