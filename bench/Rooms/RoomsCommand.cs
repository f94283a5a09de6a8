using System.CommandLine;
using System.Reflection;

namespace Granary.Bench.Rooms;

/// <summary><c>granary bench rooms</c>: the projects and their folders, with arrows to what each uses.</summary>
internal static class RoomsCommand
{
    private const string Ours = "Granary.";

    public static Command Create()
    {
        var why = new Option<bool>("--why") { Description = "Name the first type that draws each arrow between folders." };
        var command = new Command("rooms", "Prints which projects use which, and which folders of each use which, as the built assemblies have it.") { why };
        command.SetAction(parsed => Print(parsed.GetValue(why)));
        return command;
    }

    private static void Print(bool why)
    {
        foreach (var path in Directory.EnumerateFiles(AppContext.BaseDirectory, $"{Ours}*.dll").Append(Path.Combine(AppContext.BaseDirectory, "granary.dll")).Order(StringComparer.Ordinal))
        {
            var assembly = Assembly.LoadFrom(path);
            var project = Path.GetFileNameWithoutExtension(path) is var name && name.StartsWith(Ours, StringComparison.Ordinal) ? name[Ours.Length..] : "App";
            var uses = assembly.GetReferencedAssemblies().Select(reference => reference.Name!).Where(used => used.StartsWith(Ours, StringComparison.Ordinal)).Order(StringComparer.Ordinal);
            Console.WriteLine($"{project,-14} -> {string.Join(", ", uses.Select(used => used[Ours.Length..]))}");
            foreach (var arrows in NamespaceArrows.Of(path).All.GroupBy(arrow => arrow.From))
            {
                Console.WriteLine($"    {Folder(project, arrows.Key),-14} -> {string.Join(", ", arrows.Select(arrow => Folder(project, arrow.To) + (why ? $" ({arrow.By})" : "")))}");
            }
        }
    }

    private static string Folder(string project, string room) => room == Ours + project ? "." : room[(room.StartsWith($"{Ours}{project}.", StringComparison.Ordinal) ? Ours.Length + project.Length + 1 : Ours.Length)..];
}
