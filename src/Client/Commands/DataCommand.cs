using System.CommandLine;

namespace Granary.Client.Commands;

/// <summary><c>granary data get NAME</c></summary>
internal static class DataCommand
{
    public static Command Create() => new("data", "Public data sets.");
}
