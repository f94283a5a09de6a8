using System.Text;

namespace Granary.Cluster.Tests;

/// <summary>What one flow of this process writes to the console, however many others write at the same time.</summary>
internal sealed class CapturedConsole
{
    private static readonly AsyncLocal<CapturedConsole?> here = new();
    private readonly StringWriter output = new(), error = new();

    static CapturedConsole()
    {
        Console.SetOut(new Switch(Console.Out, console => console.output));
        Console.SetError(new Switch(Console.Error, console => console.error));
    }

    /// <param name="write">What writes, and its exit code.</param>
    public static async Task<CommandResult> OfAsync(Func<Task<int>> write)
    {
        var console = here.Value = new();
        var exitCode = await write();
        return new(exitCode, Written(Console.Out, console.output), Written(Console.Error, console.error));
    }

    /// <param name="locked">The console's own, which lets one write at a time.</param>
    private static string Written(TextWriter locked, StringWriter writer)
    {
        lock (locked)
        {
            return writer.ToString();
        }
    }

    private sealed class Switch(TextWriter otherwise, Func<CapturedConsole, TextWriter> of) : TextWriter
    {
        public override Encoding Encoding => otherwise.Encoding;

        private TextWriter Now => here.Value is { } console ? of(console) : otherwise;

        public override void Write(char value) => Now.Write(value);

        public override void Write(string? value) => Now.Write(value);

        public override void Write(char[] buffer, int index, int count) => Now.Write(buffer, index, count);

        public override void WriteLine(string? value) => Now.WriteLine(value);
    }
}
