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
        var command = new Command("tasks", "What can be trained; with a task's name, its settings.") { name };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(name) is { } task)
            {
                ShowSettings(GranaryEnvironment.Tasks[task]);
            }
            else
            {
                ShowTasks();
            }
        });
        return command;
    }

    private static void ShowTasks()
    {
        var tasks = GranaryEnvironment.Tasks.Tasks.ToList();
        var width = tasks.Max(task => task.Name.Length);
        foreach (var task in tasks)
        {
            Console.WriteLine($"{task.Name.PadRight(width)}  {task.Summary}");
        }
    }

    private static void ShowSettings(ITrainingTask task)
    {
        Console.WriteLine($"{task.Name}: {task.Summary}");
        var table = new Table().Border(TableBorder.Simple).AddColumns("setting", "default", "takes", "meaning");
        foreach (var setting in TaskSettings.Describe(task))
        {
            table.AddRow(new Text(setting.Name), new Text(setting.Default), new Text(setting.Range), new Text(setting.Meaning));
        }
        Screen.Write(table);
    }
}
