using System.CommandLine;
using Granary.Client.Views;
using Granary.Silo;
using Granary.Training.Tasks;
using Spectre.Console;

namespace Granary.Client.Commands;

/// <summary><c>granary tasks [TASK]</c></summary>
internal static class TasksCommand
{
    public static Command Create()
    {
        var name = new Argument<string?>("task") { Description = "Show the settings of this task.", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("tasks", "What can be trained, here or on a cluster; with a task's name, its settings.") { name };
        var server = new ServerOption(command, "A silo's gRPC address: what its cluster can train. Default: what this program can.");
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var tasks = await FindAsync(server, parsed, cancellationToken);
            if (parsed.GetValue(name) is { } asked)
            {
                ShowSettings(Named(tasks, asked));
            }
            else
            {
                ShowTasks(tasks);
            }
        });
        return command;
    }

    /// <exception cref="UnknownTaskException"/>
    public static TaskDescription Named(IReadOnlyList<TaskDescription> tasks, string name) =>
        tasks.FirstOrDefault(task => task.Name == name) ?? throw new UnknownTaskException(name, tasks.Select(task => task.Name));

    private static async Task<IReadOnlyList<TaskDescription>> FindAsync(ServerOption server, ParseResult parsed, CancellationToken cancellationToken)
    {
        if (!server.IsGiven(parsed))
        {
            return [.. GranaryEnvironment.Tasks.Tasks.Select(TaskDescription.Of)];
        }
        using var client = server.Connect(parsed);
        return await client.TasksAsync(cancellationToken);
    }

    private static void ShowTasks(IReadOnlyList<TaskDescription> tasks)
    {
        var width = tasks.Max(task => task.Name.Length);
        foreach (var task in tasks)
        {
            Console.WriteLine($"{task.Name.PadRight(width)}  {task.Summary}");
        }
    }

    private static void ShowSettings(TaskDescription task)
    {
        Console.WriteLine($"{task.Name}: {task.Summary}");
        var table = new Table().Border(TableBorder.Simple).AddColumns("setting", "default", "takes", "meaning");
        foreach (var setting in task.Settings)
        {
            table.AddRow(new Text(setting.Name), new Text(setting.Default), new Text(setting.Range), new Text(setting.Meaning));
        }
        Screen.Write(table);
    }
}
